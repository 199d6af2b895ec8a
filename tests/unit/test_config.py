"""The configuration file: what is wrong in it is named, and what is written reads the same."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings import config
from tidings.config import CollectConfig, Config, MailConfig, ProcessConfig
from tidings.errors import InputError


def load(folder: Path, text: str | bytes) -> Config:
    path = folder / "tidings.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return config.load(path)


WRONG = {
    "no TOML": ("data = ", "Invalid value"),
    "not UTF-8": (b"\xff\xfe", "cannot be read: 'utf-8'"),
    "a number for a folder": ("data = 5", "data"),
    "a list for a folder": ("workspace = ['a']", "workspace"),
    "an unknown setting": ("colour = 1", "unknown field `colour`"),
    "an unknown setting in a table": ("[process]\nspeed = 1", "unknown field `speed`"),
    "a text for a number": ("[collect]\nport = 'http'", "$.collect.port"),
    "no such port": ("[collect]\nport = 70000", "$.collect.port"),
    "a port below zero": ("[console]\nport = -1", "$.console.port"),
    "a window of nothing": ("[process]\ndedup_window_s = 0", "$.process.dedup_window_s"),
    "an empty batch": ("[process]\nmax_batch = 0", "$.process.max_batch"),
    "no connections": ("[mail]\nsmtp_connections = 0", "$.mail.smtp_connections"),
    "no attempts": ("[mail]\nmax_attempts = 0", "$.mail.max_attempts"),
    "no time": ("[collect]\nbody_timeout_s = 0", "$.collect.body_timeout_s"),
    "a time that is none": ("[collect]\nbody_timeout_s = nan", "$.collect.body_timeout_s"),
    "for ever": ("[collect]\nbody_timeout_s = inf", "$.collect.body_timeout_s"),
    "no such level": ("log_level = 'loud'", "$.log_level"),
    "no such mode": ("[mail]\nsmtp_tls = 'maybe'", "$.mail.smtp_tls"),
}


@pytest.mark.parametrize(("text", "says"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named_with_the_file_and_what_to_read(text: str | bytes, says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as problem:
        load(tmp_path, text)
    assert str(problem.value).startswith(str(tmp_path / "tidings.toml"))
    assert says in str(problem.value)
    assert "docs/reference/configuration.md" in str(problem.value)


def test_without_a_file_it_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run `tidings init"):
        config.load(tmp_path / "tidings.toml")


def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        config.load(tmp_path)


def test_an_empty_file_has_all_defaults_and_folders_count_from_the_file(tmp_path: Path) -> None:
    found = load(tmp_path, "")
    assert found == Config(data=tmp_path / "tidings-data", workspace=tmp_path / "workspace")
    assert load(tmp_path, "data = '/var/lib/t'").data == Path("/var/lib/t")


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(TEXT, TEXT, st.dictionaries(TEXT, TEXT, max_size=3), st.floats(min_value=1e-9, max_value=1e9))
def test_what_is_saved_reads_the_same(folder: str, name: str, keys: dict[str, str], timeout_s: float) -> None:
    original = Config(
        data=Path("/", folder),
        workspace=Path("/w"),
        collect=CollectConfig(write_keys=keys, idle_timeout_s=timeout_s),
        mail=MailConfig(from_name=name, smtp_tls="never"),
        process=ProcessConfig(max_batch=7),
        log_level="debug",
    )
    with TemporaryDirectory() as temporary:
        path = Path(temporary) / "tidings.toml"
        config.save(original, path)
        assert config.load(path) == original


def test_the_collector_is_reached_where_it_listens_unless_told_otherwise() -> None:
    assert Config().public_url == "http://127.0.0.1:8300"
    assert Config(collect=CollectConfig(public_url="https://t.shop.example/")).public_url == "https://t.shop.example"
