import hashlib
import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from hookean.errors import TraceError
from hookean.traces import catalogue, generate, load_trace, read_profile, window, write_profile
from hookean.traces.generate import cyclic, linear, polygons
from hookean.traces.noise import autoregression, exponential, normals
from hookean.traces.profile import Crowd

PROFILE = catalogue()["worldcup98"].path
DIGEST = "82457cbdd2845a7f8e7b727af194f6aa1e0c6f1345e76e3e73b17869db2c4e3a"


def test_the_shipped_profile_generates_these_very_bytes():
    series = load_trace("worldcup98")
    assert series.kind == "profile"
    assert series.counts.size == 125_310
    assert hashlib.sha256(series.counts.astype("<f8").tobytes()).hexdigest() == DIGEST


def test_another_seed_changes_the_noise_and_nothing_else():
    profile = read_profile(PROFILE)
    first, second = generate(profile, seed=1).counts, generate(profile, seed=2).counts
    assert not np.array_equal(first, second)
    daily = [counts[150 : 150 + 86 * 1440].reshape(86, 1440).mean(axis=1)[40:70] for counts in (first, second)]
    np.testing.assert_allclose(daily[0], daily[1], rtol=0.03)
    with pytest.raises(TraceError, match="seed -1"):
        generate(profile, seed=-1)


def test_a_profile_survives_writing_and_reading_with_the_same_bytes(tmp_path):
    write_profile(read_profile(PROFILE), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == PROFILE.read_bytes()
    np.testing.assert_array_equal(load_trace(tmp_path / "again.json").counts, load_trace("worldcup98").counts)


def test_the_day_of_two_matches_has_its_two_flash_crowds():
    day = window(load_trace("worldcup98"), start=datetime(1998, 6, 30, tzinfo=UTC), duration=timedelta(hours=24))
    half_hours = day.counts.reshape(48, 30).mean(axis=1)
    # 30-minute means from 14:00 UTC, requests per minute, of the recorded day.
    recorded = [
        33e3,
        79e3,
        120e3,
        137e3,
        153e3,
        117e3,
        90e3,
        79e3,
        75e3,
        74e3,
        109e3,
        135e3,
        144e3,
        170e3,
        181e3,
        189e3,
    ]
    np.testing.assert_allclose(half_hours[28:44], recorded, rtol=0.1)
    assert half_hours[:20].max() < 25e3


def test_the_busiest_match_days_are_the_largest_long_crowds():
    profile = read_profile(PROFILE)
    long = [crowd for crowd in profile.crowds if crowd.duration_min > 120]
    largest = sorted(long, key=lambda crowd: crowd.peak_factor)[-5:]
    days = sorted((profile.origin + timedelta(minutes=crowd.start_min)).strftime("%m-%d") for crowd in largest)
    assert days == ["06-29", "06-30", "07-03", "07-07", "07-08"]
    assert 10 < largest[-1].peak_factor < 20


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": 2}, "schema 1"),
        ({"level": [1.0]}, "`level` has 1 values"),
        ({"noise": {}}, "not complete"),
        ({"swell": None}, "not complete|`swell`"),
    ],
)
def test_damaged_profiles_are_refused(tmp_path, change, words):
    data = json.loads(PROFILE.read_text()) | change
    (tmp_path / "bad.json").write_text(json.dumps(data))
    with pytest.raises(TraceError, match=words):
        read_profile(tmp_path / "bad.json")


def test_files_that_are_not_profiles_are_refused(tmp_path):
    for text in ("[]", "{", "{}"):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(TraceError):
            load_trace(tmp_path / "bad.json")


def test_overlapping_crowds_are_refused(tmp_path):
    profile = read_profile(PROFILE)
    write_profile(replace(profile, crowds=profile.crowds[:1] * 2), tmp_path / "bad.json")
    with pytest.raises(TraceError, match="overlaps"):
        read_profile(tmp_path / "bad.json")


def test_interpolations_go_through_their_knots():
    np.testing.assert_allclose(linear(np.array([0.0, 4.0, 0.0]), spacing=4, bins=6), [0, 1, 2, 3, 4, 3])
    shape = np.zeros(48)
    shape[0] = 30.0
    day = cyclic(shape, bins=1441, offset=1410)
    assert day[30] == 30.0
    assert day[29] == day[31] == 29.0
    crowds = (
        Crowd(start_min=1, minutes=(0, 2, 3), log_factor=(0.0, 1.0, 0.0)),
        Crowd(start_min=6, minutes=(0, 1), log_factor=(0.0, 0.0)),
    )
    np.testing.assert_allclose(polygons(crowds, bins=9), [0, 0, 0.5, 1, 0, 0, 0, 0, 0])
    assert not polygons((), bins=3).any()


def test_normals_have_the_moments_of_twelve_uniforms():
    deviates = normals(400_000, seed=5, stream=0)
    # Four standard errors: 1/sqrt(n) for the mean, sqrt(1.9/n) for the variance (kurtosis 3 - 0.1).
    assert abs(deviates.mean()) < 4 / math.sqrt(400_000)
    assert abs(deviates.var() - 1) < 4 * math.sqrt(1.9 / 400_000)
    assert abs((deviates**4).mean() - 2.9) < 0.08
    other = normals(400_000, seed=5, stream=1)
    assert abs(np.mean(deviates * other)) < 4 / math.sqrt(400_000)


def test_autoregression_is_the_recursion():
    innovations = normals(500, seed=1, stream=0)
    expected = np.empty(500)
    expected[0] = innovations[0]
    for i in range(1, 500):
        expected[i] = 0.9 * expected[i - 1] + math.sqrt(1 - 0.81) * innovations[i]
    np.testing.assert_allclose(autoregression(innovations, rho=0.9), expected, atol=1e-13)
    np.testing.assert_array_equal(autoregression(innovations, rho=0.0), innovations)


def test_exponential_is_as_good_as_the_library():
    points = np.linspace(-40, 40, 20_001)
    np.testing.assert_allclose(exponential(points), np.exp(points), rtol=5e-16)
    assert exponential(np.array([0.0])).tolist() == [1.0]
