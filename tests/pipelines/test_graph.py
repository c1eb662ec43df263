"""What Dagster sees: a change of the graph shows in review, as a change of graph.txt.

To write it anew: `python -m pytest tests/pipelines/test_graph.py --snapshot-update`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from pathlib import Path

import dagster as dg
import pytest
from dagster_shared.serdes import serialize_value

from assets.platform import Platform
from assets.tasks import ACCEPTANCE, Stage, tasks_of
from pipelines.automatic import AUTOMATIC
from pipelines.dagster_private import RepositorySnap
from pipelines.definitions import build_definitions
from schemas.contract.library import load_library

SNAPSHOT = Path(__file__).with_name("graph.txt")


@pytest.fixture(scope="module")
def platform(install: Callable[[Path], Platform], tmp_path_factory: pytest.TempPathFactory) -> Platform:
    return install(tmp_path_factory.mktemp("graph"))


@pytest.fixture(scope="module")
def definitions(platform: Platform) -> dg.Definitions:
    return build_definitions(platform)


# One dataset, one entity and one derived table stand for all of their kind.
FEW = 2
EXAMPLES = (("police", "population"), ("person",), ("household",))
ALIKE = (Stage.EXTRACT, Stage.STANDARD, Stage.FINDING, Stage.AGREEMENT, Stage.GOVERNANCE)


def described(definitions: dg.Definitions) -> Iterator[str]:
    """The graph in lines: groups, assets with what they follow from, checks, jobs, schedules, sensors.

    Of assets that are alike one is shown, and how many there are: a further contract changes numbers, and adds no line.
    """
    graph = definitions.resolve_asset_graph()
    nodes = [graph.get(key) for key in graph.get_all_asset_keys()]
    for group in sorted({node.group_name for node in nodes}):
        members = sorted((node for node in nodes if node.group_name == group), key=lambda node: node.key)
        yield f"group {group}: {len(members)} assets"
        for node in members:
            stage, *name = node.key.path
            if stage not in ALIKE or tuple(name) in EXAMPLES:
                yield f"  {node.key.to_user_string()}"
                yield from (f"    follows from {parents}" for parents in followed(node.parent_keys))
                yield from (f"    check {check}" for check in sorted(check.name for check in node.check_keys))
    repository = definitions.get_repository_def()
    for job in sorted(repository.get_all_jobs(), key=lambda job: job.name):
        if not job.name.startswith("__"):
            yield f"job {job.name}"
    for schedule in repository.schedule_defs:
        when = f"{schedule.cron_schedule} {schedule.execution_timezone}"
        yield f"schedule {schedule.name}: {schedule.job_name}, {when}"
    for sensor in sorted(repository.sensor_defs, key=lambda sensor: sensor.name):
        yield f"sensor {sensor.name}: {', '.join(target.job_name for target in sensor.targets) or 'any run'}"


def followed(parents: Iterable[dg.AssetKey]) -> Iterator[str]:
    """The parents by their stage: by name if few, else how many."""
    for stage, keys in groupby(sorted(parents), key=lambda key: key.path[0]):
        names = [key.to_user_string() for key in keys]
        yield ", ".join(names) if len(names) <= FEW else f"{stage}: {len(names)} assets"


def test_the_graph_is_the_one_in_the_snapshot(
    definitions: dg.Definitions, request: pytest.FixtureRequest
) -> None:
    now = "\n".join(described(definitions)) + "\n"
    if request.config.getoption("--snapshot-update"):
        SNAPSHOT.write_text(now, encoding="utf-8")
    assert now == SNAPSHOT.read_text(encoding="utf-8")


def test_the_graph_can_be_sent_to_the_ui(definitions: dg.Definitions) -> None:
    """The webserver gets it serialised; running a job in this process would not show that it cannot be."""
    serialize_value(RepositorySnap.from_def(definitions.get_repository_def()))


def test_every_asset_says_what_it_is_and_whose(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description and any("\u4e00" <= c <= "\u9fff" for c in node.description), key
        assert "team:data_bureau" in node.owners, key
        assert node.group_name != "default", key
        assert node.partitions_def is not None, key
        assert node.kinds, key


def test_a_dataset_s_assets_belong_to_its_department(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    node = graph.get(dg.AssetKey(["standard", "police", "population"]))
    assert node.owners == ["team:police", "team:data_bureau"]
    assert node.tags["department"] == "police"
    columns = node.metadata["dagster/column_schema"].columns
    by_name = {column.name: column for column in columns}
    assert by_name["resident_id"].description == "公民身份号码"
    assert by_name["resident_id"].tags == {"classification": "L4"}


def test_every_check_says_in_chinese_what_holds(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in graph.asset_check_keys:
        description = graph.get_check_spec(key).description
        assert description and any("\u4e00" <= c <= "\u9fff" for c in description), key


def test_only_the_acceptance_gate_blocks(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    blocking = {key for key in graph.asset_check_keys if graph.get_check_spec(key).blocking}
    assert blocking == {dg.AssetCheckKey(dg.AssetKey(["publication", "candidate"]), "acceptance")}


def test_a_resource_can_be_replaced(platform: Platform) -> None:
    other = replace(platform, published_batches=3)
    assert build_definitions(platform, resources={"platform": other}).resources == {"platform": other}
    assert build_definitions(platform).resources == {"platform": platform}


def test_nothing_of_dagster_that_warns_is_used(platform: Platform) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build_definitions(platform).resolve_job_def("turn")


def test_a_dataset_of_the_bureau_s_own_becomes_assets_without_any_code(
    platform: Platform, definitions: dg.Definitions
) -> None:
    bus = Path(__file__).parents[1] / "data" / "bus" / "contracts"
    more = build_definitions(replace(platform, library=load_library([bus])))
    added = (
        more.resolve_asset_graph().get_all_asset_keys()
        - definitions.resolve_asset_graph().get_all_asset_keys()
    )
    stations = {key.to_user_string() for key in added if key.path[-1] == "station"}
    assert stations == {f"{stage}/transport/station" for stage in ("extract", "standard", "finding")}
    assert dg.AssetKey(["governance", "bus_station"]) in added


def test_a_further_contract_changes_numbers_of_the_picture_and_adds_no_line(
    platform: Platform, definitions: dg.Definitions
) -> None:
    bus = Path(__file__).parents[1] / "data" / "bus" / "contracts"
    more = build_definitions(replace(platform, library=load_library([bus])))
    assert len(list(described(more))) == len(list(described(definitions)))
    assert list(described(more)) != list(described(definitions))


def test_every_task_comes_after_those_it_follows_from_and_is_an_asset_or_the_gate(
    platform: Platform, definitions: dg.Definitions
) -> None:
    tasks = tasks_of(platform)
    keys = [task.key for task in tasks]
    for place, task in enumerate(tasks):
        assert set(task.after) <= set(keys[:place]), task.key
    graph = definitions.resolve_asset_graph()
    assets = {tuple(key.path): graph.get(key) for key in graph.get_all_asset_keys()}
    assert assets.keys() == set(keys) - {ACCEPTANCE}
    for task in tasks:
        if task.key != ACCEPTANCE:
            parents = {tuple(key.path) for key in assets[task.key].parent_keys}
            assert parents == set(task.after) - {ACCEPTANCE}, task.key


def test_a_dataset_s_assets_are_fresh_as_long_as_its_contract_says(definitions: dg.Definitions) -> None:
    """The elderly allowance comes each month (31 days) and may be 5 days late; a certificate of death each day."""
    graph = definitions.resolve_asset_graph()
    for stage in ("extract", "standard", "finding"):
        policy = graph.get(dg.AssetKey([stage, "civil_affairs", "elderly_allowance"])).freshness_policy
        assert policy == dg.FreshnessPolicy.time_window(
            fail_window=timedelta(days=36), warn_window=timedelta(days=31)
        )
    datasets = [
        key for key in graph.get_all_asset_keys() if key.path[0] in ("extract", "standard", "finding")
    ]
    assert all(graph.get(key).freshness_policy is not None for key in datasets)
    assert graph.get(dg.AssetKey(["ticket"])).freshness_policy is None


def test_rules_are_named_in_chinese(definitions: dg.Definitions) -> None:
    node = definitions.resolve_asset_graph().get(dg.AssetKey(["finding", "police", "population"]))
    lines = node.metadata["规则"].value.splitlines()
    assert "| 姓名不能为空（presence） | name |" in lines
    rule = next(rule for rule in load_library()["police.population"].rules if rule.field == "sex")
    assert f"| {rule.description}（{rule.name}） | sex |" in lines
    assert all(any("\u4e00" <= c <= "\u9fff" for c in line) for line in lines if "---" not in line)


def test_the_schedule_and_the_sensors_are_off_unless_the_setting_says_otherwise(
    platform: Platform, definitions: dg.Definitions
) -> None:
    def on(of: dg.Definitions) -> set[str]:
        repository = of.get_repository_def()
        automatic = [*repository.schedule_defs, *repository.sensor_defs]
        assert {each.name for each in automatic} == set(AUTOMATIC)
        return {each.name for each in automatic if each.default_status.value == "RUNNING"}

    assert on(definitions) == set()
    assert on(build_definitions(platform, automatic=["inbox", "every_morning", "alert"])) == {
        "inbox", "every_morning", "alert",
    }  # fmt: skip
    assert on(build_definitions(platform, automatic=AUTOMATIC)) == set(AUTOMATIC)
    assert on(definitions) == set(), "what was made before is as it was"
