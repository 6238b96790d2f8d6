"""Tables and results as data frames and labelled arrays."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from nasbench.comparison import compare
from strategies import Hyperband, RandomSearch
from tabular import Table
from tabular.errors import NasbenchError, UnknownNameError
from tabular.frames import to_frame, to_xarray


@pytest.fixture
def table(toy_table):
    with Table.open(toy_table) as table:
        yield table


def test_a_frame_is_tidy(table):
    frame = to_frame(table, "toy")
    assert len(frame) == 64 * 3 * 3
    assert frame.groupby(["architecture", "seed", "epoch"], observed=True).size().eq(1).all()
    means = frame[frame.epoch == 9].groupby("index")["test_accuracy"].mean()
    expected = np.nanmean(table.metric("toy", "test_accuracy")[:, :, -1], axis=1)
    np.testing.assert_allclose(means.loc[table.space.index(table.architectures)], expected, rtol=1e-6)
    assert frame.status.value_counts().to_dict() == {"done": 64 * 9 - 3, "diverged": 3, "missing": 0}
    assert frame.test_accuracy.dtype == np.float32
    np.testing.assert_array_equal(to_frame(table, "toy", slice(2, 4)), frame.iloc[18:36])
    with pytest.raises(UnknownNameError, match="unknown task 'tory'; did you mean 'toy'"):
        to_frame(table, "tory")


def test_costs_stand_beside_each_training(tmp_path):
    with Table.open("nb201-digits") as table:
        frame = to_frame(table, "digits", slice(10, 12))
        np.testing.assert_array_equal(frame.parameters.unique(), np.unique(table.cost("digits", "parameters")[10:12]))


def test_arrays_have_named_dimensions_and_units(table):
    pytest.importorskip("xarray", reason="labelled arrays need xarray")
    arrays = to_xarray(table, "toy")
    assert dict(arrays.sizes) == {"index": 64, "seed": 3, "epoch": 3}
    assert arrays.test_accuracy.attrs == {"units": "fraction", "split": "test", "direction": "maximize"}
    assert arrays.train_seconds.attrs["units"] == "second"
    assert arrays.status.dims == ("index", "seed")
    one = arrays.test_accuracy.sel(index=7, seed=2, epoch=9)
    assert one == table.metric("toy", "test_accuracy")[7, 2, 2]
    assert one.architecture == table.space.to_text(table.space.from_index(7))
    assert arrays.test_accuracy.sel(index=5, seed=1).isnull().sum() == 2
    assert json.loads(arrays.attrs["provenance"]) == {}
    assert arrays.attrs["space"] == "toy"


def test_arrays_are_those_of_the_file(tmp_path):
    xarray = pytest.importorskip("xarray", reason="labelled arrays need xarray")
    with Table.open("nb201-digits") as table:
        arrays = to_xarray(table, "digits")
        assert arrays.flops.attrs == {"units": "FLOP"}
        engine = pytest.importorskip("h5netcdf", reason="reading HDF5 by xarray needs h5netcdf").__name__
        with xarray.open_dataset(table.path, group="/tasks/digits/metrics", engine=engine) as file:
            for name in file.data_vars:
                np.testing.assert_array_equal(arrays[name], file[name])
            np.testing.assert_array_equal(arrays.index, file.index)


def test_results_as_arrays(toy_oracle):
    pytest.importorskip("xarray", reason="labelled arrays need xarray")
    strategies = {"random-search": RandomSearch, "hyperband": Hyperband}
    results = compare(strategies, toy_oracle, "60s", runs=3)
    arrays = results.to_xarray()
    assert set(arrays.sizes) == {"strategy", "run", "trial"}
    assert arrays.value.attrs == {"units": "fraction"}
    assert arrays.finished.attrs == {"units": "second"}
    assert arrays.attrs["report"] == "toy/test_accuracy@9"
    for name, trials in results.trials.items():
        for run in range(trials.runs):
            span = slice(*trials.offsets[run : run + 2])
            found = arrays.sel(strategy=name, run=trials.seeds[run])
            held = found.finished.notnull().values
            assert held.sum() == span.stop - span.start
            np.testing.assert_array_equal(found.value.values[held], trials.value[span])
            np.testing.assert_array_equal(found.regret.values[held], results.regret(trials)[span])


def test_a_missing_library_is_named_with_its_extra(table, toy_oracle, monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    message = r"labelled arrays need xarray .*; pip install 'nasbench\[xarray\]'"
    with pytest.raises(NasbenchError, match=message):
        to_xarray(table, "toy")
    results = compare({"random-search": RandomSearch}, toy_oracle, 3, runs=1)
    with pytest.raises(NasbenchError, match=message):
        results.to_xarray()
