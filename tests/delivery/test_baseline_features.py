import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metanas.delivery.features import MOST_PIXELS, TableColumns, flat_pixels, log_spectrogram


def test_small_pictures_keep_every_pixel():
    images = np.random.default_rng(0).integers(0, 256, size=(3, 1, 28, 28)).astype(np.uint8)
    assert np.array_equal(flat_pixels(images), (images / np.float32(255)).reshape(3, -1).astype(np.float32))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([1, 3]), st.integers(2, 120), st.integers(2, 120))
def test_large_pictures_are_averaged_to_about_a_thousand_numbers(channels, height, width):
    images = np.full((2, channels, height, width), 51, np.uint8)
    flat = flat_pixels(images)
    assert flat.shape[1] <= max(MOST_PIXELS, channels * max(height, width))
    assert flat == pytest.approx(0.2)


def test_averaging_is_over_squares():
    images = np.arange(2 * 64 * 64, dtype=np.uint64).reshape(2, 1, 64, 64) % 256
    first = flat_pixels(images.astype(np.uint8))[0].reshape(32, 32)
    assert first[3, 5] == pytest.approx(images[0, 0, 6:8, 10:12].mean() / 255)


def test_a_tone_stands_in_its_band():
    rate, tone = 8000, 1050
    wave = np.sin(2 * np.pi * tone * np.arange(rate) / rate).astype(np.float32)[None, None]
    bands = log_spectrogram(wave).reshape(16, 32)
    assert (bands.argmax(axis=1) == 32 * tone // (rate // 2)).all()


@pytest.mark.parametrize("samples", [1, 255, 2000, 2176, 50_001])
def test_sounds_of_any_length_give_as_many_finite_numbers(samples):
    sounds = np.random.default_rng(0).normal(size=(3, 2, samples)).astype(np.float32)
    found = log_spectrogram(sounds)
    assert found.shape == (3, 512)
    assert np.isfinite(found).all()
    assert log_spectrogram(sounds[1:2])[0] == pytest.approx(found[1], abs=1e-4)


def frame():
    return pd.DataFrame(
        {
            "number": [1.0, 2.0, np.nan, 4.0],
            "flag": [True, False, True, True],
            "word": pd.Categorical(["a", "b", None, "a"]),
            "empty": [np.nan] * 4,
        }
    )


def test_columns_by_type_and_empty_ones_left_out():
    columns = TableColumns.of(frame())
    assert columns.numbers == ("number", "flag")
    assert columns.categories == ("word",)


def test_the_linear_encoding_fills_scales_and_marks():
    encoder = TableColumns.of(frame()).linear()
    found = np.asarray(encoder.fit_transform(frame()))
    assert found.shape == (4, 2 + 1 + 3)  # numbers, the mark of a missing one, a / b / missing
    assert found[:, :3].mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-12)
    assert np.array_equal(found[:, 3:], [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]])
    strange = frame().assign(word=["z"] * 4)
    assert np.array_equal(encoder.transform(strange)[:, 3:], np.zeros((4, 3)))


def test_the_encoding_for_trees_keeps_missing_values():
    columns = TableColumns.of(frame())
    found = columns.trees().fit_transform(frame())
    assert list(columns.coded()) == [0]
    assert found[:, 0] == pytest.approx([0, 1, np.nan, 0], nan_ok=True)
    assert found[:, 1] == pytest.approx([1, 2, np.nan, 4], nan_ok=True)
