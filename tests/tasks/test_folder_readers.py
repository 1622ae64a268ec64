"""Tasks from folders of pictures and of WAV files."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import wavfile

from metanas.errors import InputError
from metanas.tasks import Task
from metanas.tasks import clips as sounds
from metanas.tasks import pictures as images


def test_pictures_of_mixed_sizes_and_formats(pictures: Path) -> None:
    task = Task.read(pictures)
    assert (task.data, task.kind, task.classes) == ("image", "classification", ("bright", "dark"))
    assert task.inputs.shape == (24, 3, 22, 30)
    assert task.inputs.dtype == np.uint8
    bright = task.targets == 0
    assert task.inputs[bright].mean() > 180
    assert task.inputs[~bright].mean() < 40
    assert task.notes == ("all pictures were brought to 30 x 22 pixels (width x height); --size changes that",)
    assert Task.read(**dict(task.source or {})).fingerprint == Task.from_images(pictures).fingerprint == task.fingerprint


def test_the_size_may_be_chosen_and_is_64_at_most_otherwise(pictures: Path) -> None:
    assert Task.from_images(pictures, size=12).inputs.shape == (24, 3, 9, 12)
    assert images.common_size([(200, 400)] * 3, None) == (32, 64)
    assert images.common_size([(8, 8), (8, 8), (30, 30)], None) == (8, 8)
    assert images.common_size([(1000, 1)], None) == (64, 1)


def test_the_own_test_part_of_a_folder_decides_nothing(pictures: Path, clips: Path, tmp_path: Path) -> None:
    for name, shape, mode in (("train", (10, 12), "L"), ("test", (40, 50), "RGB")):
        for label in "ab":
            (tmp_path / "parted" / name / label).mkdir(parents=True)
            for i in range(12):
                Image.new(mode, shape[::-1], i).save(tmp_path / "parted" / name / label / f"{i}.png")
    assert Task.from_images(tmp_path / "parted").inputs.shape == (48, 1, 10, 12)
    for name, rate, seconds in (("train", 4000, 0.2), ("test", 8000, 1.0)):
        for label in "ab":
            (tmp_path / "clipped" / name / label).mkdir(parents=True)
            for i in range(12):
                waves = np.full((round(rate * seconds), 1 + (name == "test")), 100 + i, np.int16)
                wavfile.write(tmp_path / "clipped" / name / label / f"{i}.wav", rate, waves)
    task = Task.from_sounds(tmp_path / "clipped")
    assert (task.inputs.shape, task.rate) == ((48, 1, 800), 4000)


def test_grey_pictures_have_one_channel_however_they_are_stored(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    modes = ["L", "RGB", "1", "P", "LA", "RGBA"]
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i, mode in enumerate(modes):
            grey = Image.fromarray(rng.integers(0, 256, (10, 10)).astype(np.uint8))
            grey.convert(mode).save(tmp_path / name / f"{i}.png")
    assert Task.from_images(tmp_path).inputs.shape == (12, 1, 10, 10)


def test_decoding_keeps_values_turns_upright_and_puts_transparency_on_white(tmp_path: Path) -> None:
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(images.load(tmp_path / "grey.png", (3, 4), 1), grey[None])
    Image.fromarray(grey.astype(np.uint16) * 256).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(images.load(tmp_path / "deep.png", (3, 4), 1), grey[None])
    assert images.header(tmp_path / "deep.png") == (3, 4, False)
    Image.new("RGBA", (4, 3), (9, 9, 9, 0)).save(tmp_path / "clear.png")
    assert (images.load(tmp_path / "clear.png", (3, 4), 3) == 255).all()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.repeat(np.array([[0], [255]], np.uint8), 8, 0).repeat(8, 1)).save(tmp_path / "turned.png", exif=exif)
    assert images.header(tmp_path / "turned.png") == (8, 16, False)
    turned = images.load(tmp_path / "turned.png", (8, 16), 1)
    assert turned is not None
    assert (turned[0, :, :8] == 255).all()
    assert (turned[0, :, 8:] == 0).all()


def test_broken_and_empty_pictures_are_named_skipped_and_counted(pictures: Path) -> None:
    (pictures / "dark" / "00.jpg").write_bytes(b"")
    (pictures / "dark" / "zz.png").write_bytes(b"no picture")
    whole = (pictures / "bright" / "03.jpg").read_bytes()
    (pictures / "bright" / "03.jpg").write_bytes(whole[: len(whole) // 3])
    (pictures / "bright" / ".hidden.png").write_bytes(b"")
    task = Task.from_images(pictures)
    assert len(task.targets) == 22
    assert task.notes[0] == f"skipped 3 pictures that can't be read: {Path('bright/03.jpg')}, {Path('dark/00.jpg')}, {Path('dark/zz.png')}"
    assert (task.inputs[task.targets == 1].mean(axis=(1, 2, 3)) < 40).all()


def test_train_and_test_folders_are_respected(pictures: Path, tmp_path: Path) -> None:
    home = tmp_path / "parts"
    for part, keep in (("train", range(8)), ("val", range(8, 10)), ("Test", range(10, 12))):
        for label in ("bright", "dark"):
            (home / part / label).mkdir(parents=True)
            for i in keep:
                for path in (pictures / label).glob(f"{i:02d}.*"):
                    shutil.copy(path, home / part / label)
    task = Task.read(home)
    assert (len(task.train), len(task.validation), len(task.test)) == (16, 4, 4)
    assert task.classes == ("bright", "dark")
    (home / "Test" / "odd").mkdir()
    shutil.copy(pictures / "dark" / "01.png", home / "Test" / "odd")
    with pytest.raises(InputError, match="the training part lacks: odd"):
        Task.read(home)


def test_folders_without_usable_pictures(tmp_path: Path, pictures: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="nothing that can be read"):
        Task.read(tmp_path / "empty")
    with pytest.raises(InputError, match="holds no pictures; make one sub-folder"):
        Task.from_images(tmp_path / "empty")
    with pytest.raises(InputError, match="but in no sub-folders"):
        Task.from_images(pictures / "dark")
    with pytest.raises(InputError, match="no file or folder"):
        Task.from_images(tmp_path / "absent")
    for path in pictures.rglob("*.*"):
        path.write_bytes(b"broken")
    with pytest.raises(InputError, match="none of the 24 pictures"):
        Task.from_images(pictures)
    shutil.rmtree(pictures / "dark")
    with pytest.raises(InputError, match="a single class, 'bright'"):
        Task.from_images(pictures)


def test_options_that_mean_nothing_for_pictures(pictures: Path) -> None:
    with pytest.raises(InputError, match="--target x means nothing for a folder of pictures"):
        Task.read(pictures, target="x")
    with pytest.raises(InputError, match="leave --kind out"):
        Task.read(pictures, kind="regression")
    with pytest.raises(InputError, match="--size must be a number above 0, not 0"):
        Task.read(pictures, size=0)


def test_clips_of_mixed_rates(clips: Path) -> None:
    task = Task.read(clips)
    assert (task.data, task.classes, task.rate) == ("sound", ("high", "low"), 8000)
    assert task.inputs.shape == (20, 1, 2000)
    assert np.abs(task.inputs).max() <= 1
    spectrum = np.abs(np.fft.rfft(task.inputs[:, 0])).argmax(1) * 4
    np.testing.assert_array_equal(spectrum, np.where(task.targets == 0, 880, 220))
    assert task.notes == ("clips were resampled to 8000 samples per second; --rate changes that",)
    assert Task.read(**dict(task.source or {})).fingerprint == Task.from_sounds(clips).fingerprint == task.fingerprint


def test_long_clips_are_cut_and_short_ones_padded(clips: Path) -> None:
    wavfile.write(clips / "low" / "long.wav", 8000, np.full(9000, 1000, np.int16))
    wavfile.write(clips / "low" / "short.wav", 8000, np.full(500, 1000, np.int16))
    task = Task.from_sounds(clips)
    assert task.inputs.shape == (22, 1, 2000)
    assert any("1 clip cut to the first 0.25 seconds" in n for n in task.notes)
    assert sorted((task.inputs[:, 0] != 0).sum(1).tolist())[0] == 500
    assert Task.from_sounds(clips, seconds=0.1, rate=4000).inputs.shape == (22, 1, 400)


@pytest.mark.parametrize(
    ("dtype", "full"), [(np.uint8, 128), (np.int16, 2**15), (np.int32, 2**31), (np.float32, 1.0), (np.float64, 1.0)], ids=str
)
def test_every_width_of_samples_is_scaled_alike(tmp_path: Path, dtype: type, full: float) -> None:
    wave = np.array([0.0, 0.5, -0.5, 0.25])
    stored = wave * full + (128 if dtype is np.uint8 else 0)
    wavfile.write(tmp_path / "a.wav", 8000, stored.astype(dtype))
    loaded = sounds.load(tmp_path / "a.wav")
    assert loaded is not None
    assert loaded[0] == 8000
    np.testing.assert_allclose(loaded[1], wave[None], atol=1e-6)


def test_24_bits(tmp_path: Path) -> None:
    import wave

    values = np.array([0, 2**22, -(2**22)], "<i4")
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(3)
        file.setframerate(8000)
        file.writeframes(b"".join(int(v).to_bytes(3, "little", signed=True) for v in values))
    loaded = sounds.load(tmp_path / "a.wav")
    assert loaded is not None
    np.testing.assert_allclose(loaded[1], [[0, 0.5, -0.5]])


def test_channels_are_kept_where_all_clips_have_them_and_mixed_down_elsewhere(clips: Path) -> None:
    stereo = np.stack([np.full(2000, 8192), np.full(2000, -8192)], 1).astype(np.int16)
    wavfile.write(clips / "low" / "stereo.wav", 8000, stereo)
    task = Task.from_sounds(clips)
    assert task.inputs.shape[1] == 1
    assert any("mixed down" in n for n in task.notes)
    for path in clips.rglob("*.wav"):
        wavfile.write(path, 8000, stereo + np.int16(path.stem == "stereo"))
    assert Task.from_sounds(clips).inputs.shape == (21, 2, 2000)


def test_broken_and_empty_clips_are_named_skipped_and_counted(clips: Path) -> None:
    (clips / "high" / "0.wav").write_bytes(b"")
    (clips / "high" / "1.wav").write_bytes(b"RIFF no sound")
    wavfile.write(clips / "low" / "0.wav", 8000, np.zeros(0, np.int16))
    task = Task.from_sounds(clips)
    assert len(task.targets) == 17
    names = ", ".join(str(Path(p)) for p in ("high/0.wav", "high/1.wav", "low/0.wav"))
    assert f"skipped 3 WAV files that can't be read: {names}" in task.notes
    for path in clips.rglob("*.wav"):
        path.write_bytes(b"")
    with pytest.raises(InputError, match="none of the 20 WAV files"):
        Task.from_sounds(clips)
