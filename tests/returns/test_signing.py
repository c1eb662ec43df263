"""Signatures and keys: what is signed, by which key, and what becomes of packages whose key is lost."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.platform import Platform
from returns.packages.build import build_packages, read_index
from returns.signing.doctor import signing_faults
from returns.signing.identity import InvalidIdentity, PackageIdentity, signed_facts, verified_identity
from returns.signing.keys import UnusableKey, ensure_signing_key, signing_keys
from warehouse.home.encryption import NO_KEYS, Key, Keys
from warehouse.home.folders import Home

BATCH = date(2026, 3, 2)
SECRET, OTHER_SECRET = bytes(range(32)), bytes(range(1, 33))
KEY, OTHER = (Key(base64.b64encode(secret).decode()) for secret in (SECRET, OTHER_SECRET))
IDENTITY = PackageIdentity("township", "370602004", BATCH, ("T1", "T2"), {"待核实.csv": "0" * 64})


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_the_signature_is_hmac_sha256_over_all_other_facts() -> None:
    facts = signed_facts(IDENTITY, KEY)
    signature = facts.pop("signature")
    text = json.dumps(["zhenjie package identity", sorted(facts.items())], separators=(",", ":"))
    # RFC 2104 by hand.
    block = SECRET.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in block) + text.encode()).digest()
    outer = hashlib.sha256(bytes(b ^ 0x5C for b in block) + inner).hexdigest()
    assert signature == outer == hmac.new(SECRET, text.encode(), "sha256").hexdigest()
    assert facts == {
        "format": "2",
        "audience": "township",
        "unit_code": "370602004",
        "batch": "2026-03-02",
        "tickets 1": "T1 T2",
        "file 待核实.csv": "0" * 64,
        "key": KEY.id,
    }


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=1, max_size=12)
IDENTITIES = st.builds(
    PackageIdentity,
    st.sampled_from(["township", "department"]),
    WORDS,
    st.dates(),
    st.lists(WORDS, max_size=1_100, unique=True).map(tuple),
    st.dictionaries(WORDS, WORDS, max_size=3),
)


@given(IDENTITIES)
def test_what_was_signed_is_read_back(identity: PackageIdentity) -> None:
    facts = signed_facts(identity, KEY)
    assert verified_identity(facts, Keys(OTHER, (KEY,))) == identity
    assert all(len(value) < 32_767 for value in facts.values())


@given(IDENTITIES, st.data())
def test_no_fact_can_be_changed_or_taken_away(identity: PackageIdentity, data: st.DataObject) -> None:
    facts = signed_facts(identity, KEY)
    name = data.draw(st.sampled_from(sorted(facts)))
    value = data.draw(st.one_of(st.none(), st.text(max_size=70)).filter(lambda text: text != facts[name]))
    changed = {**facts, name: value} if value is not None else {n: v for n, v in facts.items() if n != name}
    with pytest.raises(InvalidIdentity):
        verified_identity(changed, Keys(KEY))


def test_tickets_cannot_move_between_cells_or_names() -> None:
    facts = signed_facts(replace(IDENTITY, tickets=tuple(f"T{n}" for n in range(501))), KEY)
    assert facts["tickets 2"] == "T500"
    facts["tickets 1"], facts["tickets 2"] = facts["tickets 2"], facts["tickets 1"]
    with pytest.raises(InvalidIdentity, match="签章与内容不符"):
        verified_identity(facts, Keys(KEY))


def test_a_ticket_number_with_a_blank_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="one word"):
        signed_facts(replace(IDENTITY, tickets=("T 1",)), KEY)


def test_the_home_s_key_is_made_once_and_its_owner_s_alone(home: Home) -> None:
    assert signing_keys(home, NO_KEYS) == NO_KEYS
    made = ensure_signing_key(home, NO_KEYS)
    assert stat.S_IMODE(home.signing_key.stat().st_mode) == 0o600
    assert len(base64.b64decode(home.signing_key.read_text())) == 32
    assert ensure_signing_key(home, NO_KEYS) == made == signing_keys(home, NO_KEYS)
    assert [path.name for path in home.root.iterdir()] == ["signing.key"]


def test_many_at_once_make_one_key(home: Home) -> None:
    with ThreadPoolExecutor(8) as workers:
        made = list(workers.map(lambda _: ensure_signing_key(home, NO_KEYS), range(32)))
    assert len({keys.present for keys in made}) == 1


def test_two_homes_have_two_keys(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    a, b = (ensure_signing_key(Home(tmp_path / name), NO_KEYS).present for name in "ab")
    assert a != b


def test_a_key_of_the_settings_goes_first_and_the_home_s_still_verifies(home: Home) -> None:
    own = ensure_signing_key(home, NO_KEYS).present
    assert signing_keys(home, Keys(KEY, (OTHER,))) == Keys(KEY, (OTHER, own))
    assert signing_keys(home, Keys(None, (OTHER,))) == Keys(own, (OTHER,))


def test_with_a_key_of_the_settings_none_is_made(home: Home) -> None:
    assert ensure_signing_key(home, Keys(KEY)) == Keys(KEY)
    assert not home.signing_key.exists()


@pytest.mark.parametrize("content", ["", "not a key", "AAAA", "é" * 44])
def test_a_key_file_that_is_none_is_refused_and_never_replaced(home: Home, content: str) -> None:
    home.signing_key.write_text(content, encoding="utf-8")
    with pytest.raises(UnusableKey, match=r"signing\.key") as raised:
        signing_keys(home, NO_KEYS)
    assert content == "" or content not in str(raised.value)
    with pytest.raises(UnusableKey):
        ensure_signing_key(home, NO_KEYS)
    assert home.signing_key.read_text(encoding="utf-8") == content


# With a city's packages.


@pytest.fixture
def keyed(copy: Platform) -> Platform:
    """An installation whose packages are signed by a key of its own."""
    platform = replace(copy, signing=NO_KEYS)
    build(platform)
    return platform


def build(platform: Platform) -> None:
    with platform.open_ledger() as ledger:
        head = ledger.head(BATCH.isoformat())
    with platform.open_batch(BATCH) as opened:
        build_packages(opened, platform.home, platform.signing_keys(), head)


def digests(platform: Platform) -> set[str]:
    index = read_index(platform.home.returns(BATCH))
    assert index is not None
    return {package.sha256 for package in index.packages}


def test_a_key_is_an_input_of_the_packages_by_its_name_alone(copy: Platform, keyed: Platform) -> None:
    key = keyed.signing_keys().present
    assert key is not None
    first, index = digests(keyed), (keyed.home.returns(BATCH) / "index.json").read_text()
    assert key.id in index and key.text not in index
    build(replace(keyed, signing=Keys(KEY)))
    assert not first & digests(keyed)
    build(keyed)
    assert digests(keyed) == first


def test_doctor_names_a_lost_key_until_the_packages_are_made_anew(keyed: Platform) -> None:
    home = keyed.home
    assert list(signing_faults(home, NO_KEYS)) == []
    key = keyed.signing_keys().present
    assert key is not None
    home.signing_key.unlink()
    (lost,) = signing_faults(home, NO_KEYS)
    assert key.id in lost and "丢失" in lost and "zhenjie run --batch 2026-03-02" in lost
    assert not home.signing_key.exists()
    # The lost key may be at hand elsewhere.
    assert list(signing_faults(home, Keys(None, (key,)))) == []
    build(keyed)
    assert list(signing_faults(home, NO_KEYS)) == []


def test_doctor_names_packages_without_a_signature_and_a_key_that_others_may_read(keyed: Platform) -> None:
    home = keyed.home
    home.signing_key.chmod(0o640)
    (exposed,) = signing_faults(home, NO_KEYS)
    assert "chmod 600" in exposed
    home.signing_key.chmod(0o600)
    path = home.returns(BATCH) / "index.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    del index["inputs"]["signed_by"]
    path.write_text(json.dumps(index), encoding="utf-8")
    (unsigned,) = signing_faults(home, NO_KEYS)
    assert "没有签章" in unsigned
    home.signing_key.write_text("damaged")
    (unusable,) = signing_faults(home, NO_KEYS)
    assert "无法使用" in unusable


def test_no_file_that_goes_out_holds_the_key(keyed: Platform, tmp_path: Path) -> None:
    key = keyed.signing_keys().present
    assert key is not None
    secret = base64.b64decode(key.text)
    for path in keyed.home.returns(BATCH).rglob("*.zip"):
        folder = tmp_path / "out" / path.stem
        shutil.unpack_archive(path, folder)
        for workbook in folder.glob("*.xlsx"):
            shutil.unpack_archive(workbook, folder / "parts", "zip")
        for part in folder.rglob("*"):
            if part.is_file():
                content = part.read_bytes()
                assert key.text.encode() not in content and secret not in content
    holders = [p for p in keyed.home.root.rglob("*") if p.is_file() and key.text.encode() in p.read_bytes()]
    assert holders == [keyed.home.signing_key]
    assert key.text not in repr(keyed)


def test_an_installation_without_a_key_refuses_every_workbook(
    install: Callable[[Path], Platform], home: Home
) -> None:
    facts = signed_facts(IDENTITY, KEY)
    with pytest.raises(InvalidIdentity, match="不是本平台现用的密钥"):
        verified_identity(facts, replace(install(home.root), signing=NO_KEYS).signing_keys())
