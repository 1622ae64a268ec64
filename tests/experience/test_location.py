from pathlib import Path

import pytest

from metanas.errors import StoreError
from metanas.experience.location import data_folder, shown, store_url

HOME = {"HOME": "/home/ada"}


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        (HOME, "linux", "/home/ada/.local/share/metanas"),
        ({**HOME, "XDG_DATA_HOME": "/data"}, "linux", "/data/metanas"),
        ({**HOME, "XDG_DATA_HOME": ""}, "linux", "/home/ada/.local/share/metanas"),
        ({**HOME, "XDG_DATA_HOME": "relative"}, "linux", "/home/ada/.local/share/metanas"),
        ({**HOME, "XDG_DATA_HOME": "/data"}, "darwin", "/home/ada/Library/Application Support/metanas"),
        ({**HOME, "LOCALAPPDATA": "/apps"}, "win32", "/apps/metanas"),
        (HOME, "win32", "/home/ada/AppData/Local/metanas"),
    ],
)
def test_the_data_folder_is_the_platforms(environ, platform, expected):
    assert data_folder(environ, platform) == Path(expected)


def test_what_is_given_goes_before_the_variable_and_that_before_the_folder():
    environ = {**HOME, "METANAS_STORE": "/shared/store.db"}
    assert store_url("/mine.db", environ, "linux").database == "/mine.db"
    assert store_url(None, environ, "linux").database == "/shared/store.db"
    assert store_url(None, {**HOME, "METANAS_STORE": ""}, "linux").database == "/home/ada/.local/share/metanas/experience.db"


def test_paths_and_urls_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert store_url("a b/50%.db", HOME).database == str(tmp_path / "a b/50%.db")
    assert store_url(Path("x.db"), HOME).database == str(tmp_path / "x.db")
    assert store_url("sqlite:///x.db", HOME).database == "x.db"
    assert store_url("postgresql+psycopg://ada@host/nas", HOME).drivername == "postgresql+psycopg"


def test_passwords_are_not_shown():
    assert "secret" not in shown(store_url("postgresql://ada:secret@host/nas", HOME))
    with pytest.raises(StoreError) as caught:
        store_url("postgresql://ada:secret@host:port/nas", HOME)
    assert "secret" not in str(caught.value)
