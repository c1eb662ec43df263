"""How each department delivers: file name, form, headers and the lines around a sheet's table.

Only declarations. They are written down anew rather than taken from the contracts, for a real
department would not read ours either: the headers are the ones it has always used.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

Form = Literal["csv", "xlsx", "sqlite"]


@dataclass(frozen=True)
class Delivery:
    """One extract as its department sends it.

    Attributes:
        dataset: ``<department>.<dataset>``.
        stem: File name before the batch date.
        form: Kind of file.
        encoding: Of a CSV.
        key: Column that identifies a row.
        headers: Header of every column, in order.
        above: Lines above the header of a sheet; ``{date}`` is the batch date.
        below: Lines below its table.
        numbers: Columns that a sheet holds as numbers.
        coded: Code table of the data standard for each coded column.
    """

    dataset: str
    stem: str
    form: Form
    key: str
    headers: dict[str, str]
    coded: dict[str, str]
    encoding: str = "utf-8"
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    numbers: frozenset[str] = frozenset()

    def file_name(self, batch: date) -> str:
        """Such as 户籍人口_20260302.csv."""
        suffix = {"csv": "csv", "xlsx": "xlsx", "sqlite": "db"}[self.form]
        return f"{self.stem}_{batch:%Y%m%d}.{suffix}"

    @property
    def first_row(self) -> int:
        """Number of the first data row as a person sees it."""
        return 1 if self.form == "sqlite" else len(self.above) + 2


POPULATION: Final = Delivery(
    dataset="police.population",
    stem="户籍人口",
    form="csv",
    encoding="gbk",
    key="resident_id",
    headers={
        "resident_id": "公民身份号码",
        "name": "姓名",
        "sex": "性别",
        "birth_date": "出生日期",
        "ethnic_group": "民族",
        "household_no": "户号",
        "relation": "与户主关系",
        "marital_status": "婚姻状况",
        "village_code": "村居代码",
        "address": "住址",
        "phone": "联系电话",
    },
    coded={
        "sex": "sex",
        "ethnic_group": "ethnic_group",
        "relation": "relation",
        "marital_status": "marital_status",
    },
)
MARRIAGE: Final = Delivery(
    dataset="civil_affairs.marriage",
    stem="婚姻登记",
    form="xlsx",
    key="certificate_no",
    headers={
        "certificate_no": "证件字号",
        "registration_type": "登记类型",
        "registered_on": "登记日期",
        "male_name": "男方姓名",
        "male_id": "男方身份证号",
        "female_name": "女方姓名",
        "female_id": "女方身份证号",
        "office": "登记机关",
    },
    coded={"registration_type": "registration_type"},
    above=("烟台市婚姻登记信息表",),
    below=("说明：1. 本表含 2021 年 1 月 1 日以来的结婚登记和离婚登记；", "2. 数据截至 {date}。"),
)
ALLOWANCE: Final = Delivery(
    dataset="civil_affairs.subsistence_allowance",
    stem="最低生活保障",
    form="xlsx",
    key="resident_id",
    headers={
        "resident_id": "身份证号",
        "name": "姓名",
        "allowance_no": "低保证号",
        "household_no": "户号",
        "monthly_amount": "月保障金额(元)",
        "started_on": "保障起始日期",
        "status": "保障状态",
        "village_code": "村居代码",
    },
    coded={"status": "allowance_status"},
    above=("烟台市最低生活保障对象花名册", "填报单位：烟台市民政局　　截止日期：{date}"),
    below=("说明：月保障金额为人均发放金额。",),
    numbers=frozenset({"monthly_amount"}),
)
DEATH: Final = Delivery(
    dataset="health.death",
    stem="死亡医学证明",
    form="sqlite",
    key="certificate_no",
    headers={
        column: column for column in ("certificate_no", "resident_id", "name", "sex", "death_date", "place")
    },
    coded={},
)
CERTIFICATE: Final = Delivery(
    dataset="disabled_persons.certificate",
    stem="残疾人证",
    form="xlsx",
    key="certificate_no",
    headers={
        "certificate_no": "残疾人证号",
        "resident_id": "身份证号",
        "name": "姓名",
        "sex": "性别",
        "disability_type": "残疾类别",
        "disability_grade": "残疾等级",
        "issued_on": "发证日期",
        "village_code": "村居代码",
        "phone": "联系电话",
    },
    coded={
        "sex": "sex",
        "disability_type": "disability_type",
        "disability_grade": "disability_grade",
    },
    above=("烟台市持证残疾人信息表",),
    below=("说明：残疾人证号由身份证号加残疾类别代码、残疾等级代码组成。",),
)
ENTERPRISE: Final = Delivery(
    dataset="market_regulation.enterprise",
    stem="市场主体",
    form="csv",
    encoding="gbk",
    key="uscc",
    headers={
        "uscc": "统一社会信用代码",
        "name": "企业名称",
        "enterprise_type": "主体类型",
        "legal_representative": "法定代表人",
        "legal_representative_id": "法定代表人身份证号",
        "established_on": "成立日期",
        "registered_capital": "注册资本(万元)",
        "status": "登记状态",
        "village_code": "村居代码",
        "address": "住所",
        "phone": "联系电话",
    },
    coded={"enterprise_type": "enterprise_type", "status": "enterprise_status"},
)
DWELLING: Final = Delivery(
    dataset="housing.dwelling",
    stem="房屋",
    form="csv",
    encoding="utf-8-sig",
    key="dwelling_no",
    headers={
        "dwelling_no": "房屋编码",
        "building_no": "楼栋编号",
        "address": "坐落",
        "village_code": "村居代码",
        "usage": "房屋用途",
        "floor_area": "建筑面积(平方米)",
        "owner_name": "产权人",
        "owner_id": "产权人身份证号",
        "household_no": "户号",
    },
    coded={"usage": "dwelling_usage"},
)
DELIVERIES: Final = (POPULATION, MARRIAGE, ALLOWANCE, DEATH, CERTIFICATE, ENTERPRISE, DWELLING)
