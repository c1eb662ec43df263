"""What Dagster sees: a change of the graph shows in review, as a change of graph.txt.

To write it anew: `python -m pytest tests/pipelines/test_graph.py --snapshot-update`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster_shared.serdes import serialize_value

from assets.platform import Platform
from pipelines.definitions import build_definitions

SNAPSHOT = Path(__file__).with_name("graph.txt")


@pytest.fixture(scope="module")
def platform(install: Callable[[Path], Platform], tmp_path_factory: pytest.TempPathFactory) -> Platform:
    return install(tmp_path_factory.mktemp("graph"))


@pytest.fixture(scope="module")
def definitions(platform: Platform) -> dg.Definitions:
    return build_definitions(platform)


def described(definitions: dg.Definitions) -> Iterator[str]:
    """The graph in lines: groups, assets with what they follow from, checks, jobs, schedules, sensors."""
    graph = definitions.resolve_asset_graph()
    nodes = sorted(
        (graph.get(key) for key in graph.get_all_asset_keys()), key=lambda n: (n.group_name, n.key)
    )
    group = ""
    for node in nodes:
        if node.group_name != group:
            group = node.group_name
            yield f"group {group}"
        yield f"  {node.key.to_user_string()}"
        for parent in sorted(key.to_user_string() for key in node.parent_keys):
            yield f"    follows from {parent}"
        for check in sorted(check.name for check in node.check_keys):
            yield f"    check {check}"
    repository = definitions.get_repository_def()
    for job in sorted(repository.get_all_jobs(), key=lambda job: job.name):
        if not job.name.startswith("__"):
            yield f"job {job.name}"
    for schedule in repository.schedule_defs:
        when = f"{schedule.cron_schedule} {schedule.execution_timezone}"
        yield f"schedule {schedule.name}: {schedule.job_name}, {when}"
    for sensor in sorted(repository.sensor_defs, key=lambda sensor: sensor.name):
        yield f"sensor {sensor.name}: {', '.join(target.job_name for target in sensor.targets) or 'any run'}"


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
    from schemas.contract.library import load_library

    bus = Path(__file__).parents[1] / "data" / "bus" / "contracts"
    more = build_definitions(replace(platform, library=load_library([bus])))
    added = (
        more.resolve_asset_graph().get_all_asset_keys()
        - definitions.resolve_asset_graph().get_all_asset_keys()
    )
    stations = {key.to_user_string() for key in added if key.path[-1] == "station"}
    assert stations == {f"{stage}/transport/station" for stage in ("extract", "standard", "finding")}
    assert dg.AssetKey(["governance", "bus_station"]) in added
