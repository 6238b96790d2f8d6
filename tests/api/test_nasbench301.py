"""NAS-Bench-301's interface over a surrogate, fitted end to end to made-up trainings of the DARTS space."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest

import nasbench.api.nasbench301 as nb
from nasbench import CellSpace, Task
from spaces.darts_examples import DARTS_V2
from surrogates import Surrogate, fit_surrogate
from tabular import Table, TableData, TaskData, write_table
from tabular.errors import FileFormatError, InvalidArchitectureError, QueryError, UnknownNameError
from tabular.measures import standard_metric
from tabular.spaces.darts import OPERATIONS, Darts

SPACE = Darts()
NOISE = 0.004
SEEDS, EPOCHS = 3, 98
LAST = f"made-up/validation_accuracy@{EPOCHS}"


def made_up_worth(rows):
    """A smooth function of an architecture, (N,) in 0..1, that no training gave: separable convolutions are good."""
    paths = SPACE.encode(rows, "paths")
    names = SPACE.path_names()
    weights = np.array(
        [
            (1.0 if name.startswith("normal") else 0.3) * (("sep" in name) - 0.5 * ("pool" in name))
            if name.split()[1] != "input"
            else 0.0
            for name in names
        ]
    )
    return 1 / (1 + np.exp(-(paths @ weights) / 3))


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    rng = np.random.default_rng(0)
    rows = SPACE.sample(rng, 240)
    worth = made_up_worth(rows)[:, None, None]
    noise = rng.normal(0, NOISE, (len(rows), SEEDS, 1))
    metrics = {
        "validation_accuracy": 0.85 + 0.1 * worth + noise,
        "train_seconds": 3000 * (1 + worth) * np.exp(rng.normal(0, 0.02, noise.shape)),
    }
    metrics = {name: values.astype(np.float32) for name, values in metrics.items()}
    task = Task("made-up", (EPOCHS,), {name: standard_metric(name) for name in metrics}, tuple(range(SEEDS)))
    data = TaskData(task, metrics, np.ones(noise.shape[:2], dtype=np.uint8))
    path = tmp_path_factory.mktemp("made-up") / "made-up.h5"
    write_table(path, TableData(SPACE, rows, "class", [data], {"origin": "a made-up function, not trained"}))
    return Table.open(path)


@pytest.fixture(scope="module")
def folder(table, tmp_path_factory):
    path = tmp_path_factory.mktemp("surrogate") / "darts-surrogate"
    fit_surrogate(table, metrics=("validation_accuracy", "train_seconds"), options={"members": 2, "trees": 60}).save(
        path
    )
    return path


def test_the_session_of_the_originals_example(folder):
    """nasbench301/example.py, its import line and the paths of the user's own models changed, nothing printed."""
    configspace = pytest.importorskip("ConfigSpace")
    model_paths = {"xgb": folder, "lgb_runtime": folder / "runtime"}

    ensemble_dir_performance = model_paths["xgb"]
    performance_model = nb.load_ensemble(ensemble_dir_performance)

    ensemble_dir_runtime = model_paths["lgb_runtime"]
    runtime_model = nb.load_ensemble(ensemble_dir_runtime)

    Genotype = namedtuple("Genotype", "normal normal_concat reduce reduce_concat")  # noqa: PYI024 - as there
    genotype_config = Genotype(
        normal=DARTS_V2.normal, normal_concat=[2, 3, 4, 5], reduce=DARTS_V2.reduce, reduce_concat=[2, 3, 4, 5]
    )
    configspace_config = configspace_of(configspace).sample_configuration()

    prediction_genotype = performance_model.predict(config=genotype_config, representation="genotype", with_noise=True)
    prediction_configspace = performance_model.predict(
        config=configspace_config, representation="configspace", with_noise=True
    )
    runtime_genotype = runtime_model.predict(config=genotype_config, representation="genotype")
    runtime_configspace = runtime_model.predict(config=configspace_config, representation="configspace")

    assert f"{prediction_genotype:f}".startswith("9")
    for performance in (prediction_genotype, prediction_configspace):
        assert type(performance) is float
        assert 83 < performance < 97
    for runtime in (runtime_genotype, runtime_configspace):
        assert 2500 < runtime < 6600


def configspace_of(configspace):
    """NAS-Bench-301's configuration space, as its configspace.json has the architecture, with one of the recipe."""
    prefix = "NetworkSelectorDatasetInfo:darts:"
    space = configspace.ConfigurationSpace(seed=0)
    operations = list(OPERATIONS)
    space.add(configspace.Float("OptimizerSelector:sgd:learning_rate", (0.01, 0.1)))
    for cell in ("normal", "reduce"):
        edges = [configspace.Categorical(f"{prefix}edge_{cell}_{number}", operations) for number in range(14)]
        space.add(edges)
        for node, first in ((3, 2), (4, 5), (5, 9)):
            pairs = [f"{a}_{b}" for b in range(node) for a in range(b)]
            inputs = configspace.Categorical(f"{prefix}inputs_node_{cell}_{node}", pairs)
            space.add(inputs)
            for start in range(node):
                using = [pair for pair in pairs if str(start) in pair.split("_")]
                space.add(configspace.InCondition(edges[first + start], inputs, using))
    return space


def test_configurations_sampled_by_configspace_are_architectures(folder):
    configspace = pytest.importorskip("ConfigSpace")
    model = nb.load_ensemble(folder)
    for configuration in configspace_of(configspace).sample_configuration(30):
        row = SPACE.from_configuration(dict(configuration))
        told = model.predict(configuration, "configspace", with_noise=False)
        assert told == model.predict(SPACE.to_genotype(row), "genotype", with_noise=False)
        assert told == model.query_mean(SPACE.to_configuration(row))


def test_answers_are_the_surrogates(folder):
    surrogate = Surrogate.load(folder)
    row = SPACE.from_genotype(DARTS_V2)
    performance = nb.load_ensemble(folder / "performance").predict(DARTS_V2, "genotype", with_noise=False)
    assert performance == 100 * surrogate.predict(row, LAST).mean[0]
    assert performance == nb.load_ensemble(str(folder)).predict(DARTS_V2, "genotype", with_noise=False)
    genotype = nb.Genotype(*DARTS_V2)
    runtime = nb.load_ensemble(folder / "runtime").predict(genotype, "genotype", with_noise=False)
    assert runtime == surrogate.predict(row, f"train_seconds@{EPOCHS}").mean[0]


def test_answers_follow_what_was_made_up(folder):
    rows = SPACE.sample(np.random.default_rng(9), 60)
    model = nb.load_ensemble(folder)
    answers = [model.predict(SPACE.to_genotype(row), "genotype", with_noise=False) for row in rows]
    assert np.corrcoef(answers, made_up_worth(rows))[0, 1] > 0.8


def test_noise_is_that_between_seeds(folder):
    model = nb.load_ensemble(folder, seed=1)
    mean = model.predict(DARTS_V2, "genotype", with_noise=False)
    noisy = np.array([model.predict(DARTS_V2, "genotype") for _ in range(600)])
    assert noisy.mean() == pytest.approx(mean, abs=0.1)
    assert noisy.std() == pytest.approx(100 * NOISE, rel=0.2)


def test_noise_comes_from_a_generator_of_its_own(folder):
    configuration = SPACE.to_configuration(SPACE.from_genotype(DARTS_V2))

    def answers(seed):
        model = nb.load_ensemble(folder, seed=seed)
        return [model.query(configuration) for _ in range(5)]

    np.random.seed(3)  # noqa: NPY002 - the state that the original draws from
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = answers(seed=0)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert first == answers(seed=0) != answers(seed=1)
    assert len(set(first)) == 5


def test_a_folder_of_times_alone_answers_times(table, tmp_path):
    fit_surrogate(table, metrics=("train_seconds",), options={"members": 1, "trees": 20}).save(
        tmp_path / "lgb_runtime_v1.0"
    )
    assert 2500 < nb.load_ensemble(tmp_path / "lgb_runtime_v1.0").predict(DARTS_V2, "genotype") < 6600
    with pytest.raises(
        UnknownNameError, match=r"unknown metric 'validation_accuracy' of .*lgb_runtime_v1\.0, which can"
    ):
        nb.load_ensemble(tmp_path / "lgb_runtime_v1.0" / "performance")


def test_without_a_second_seed_there_is_no_noise(table, tmp_path):
    data = table.load()
    each = data.tasks[0]
    metrics = {name: values[:, :1] for name, values in each.metrics.items()}
    task = Task("made-up", (EPOCHS,), each.task.metrics, (0,))
    one = TaskData(task, metrics, each.status[:, :1])
    write_table(tmp_path / "one.h5", TableData(SPACE, data.architectures, "class", [one]))
    fit_surrogate(
        Table.open(tmp_path / "one.h5"), metrics=("validation_accuracy",), options={"members": 1, "trees": 5}
    ).save(tmp_path / "one")
    model = nb.load_ensemble(tmp_path / "one")
    assert model.predict(DARTS_V2, "genotype") == model.predict(DARTS_V2, "genotype", with_noise=False)
    with pytest.raises(UnknownNameError, match=r"unknown metric 'train_seconds' of .*one, which cannot answer runtime"):
        nb.load_ensemble(tmp_path / "one/runtime")


def test_the_originals_models_are_never_unpickled(tmp_path):
    model = tmp_path / "xgb_v1.0/ensemble_member_0/surrogate_model.model"
    model.parent.mkdir(parents=True)
    model.write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(
        FileFormatError, match=r"xgb_v1\.0: holds the original's pickled models, which are never loaded"
    ):
        nb.load_ensemble(tmp_path / "xgb_v1.0")


def test_a_surrogate_of_another_space(tmp_path):
    space = CellSpace("tiny", 4, ("none", "skip_connect", "nor_conv_3x3"))
    values = np.random.default_rng(0).random((space.size, 1, 1), dtype=np.float32)
    task = Task("toy", (1,), {"validation_accuracy": standard_metric("validation_accuracy")}, (0,))
    data = TaskData(task, {"validation_accuracy": values}, np.ones((space.size, 1), dtype=np.uint8))
    write_table(tmp_path / "toy.h5", TableData(space, space.all(), "row", [data]))
    surrogate = fit_surrogate(
        Table.open(tmp_path / "toy.h5"), metrics=("validation_accuracy",), options={"members": 1, "trees": 5}
    )
    surrogate.save(tmp_path / "toy")
    with pytest.raises(FileFormatError, match="toy: is a surrogate of the space 'tiny', expected 'darts'"):
        nb.load_ensemble(tmp_path / "toy")


def test_mistakes(folder, tmp_path):
    with pytest.raises(FileFormatError, match="nothing: no such folder"):
        nb.load_ensemble(tmp_path / "nothing")
    model = nb.load_ensemble(folder)
    with pytest.raises(UnknownNameError, match="unknown representation 'pyg-graph'; known: genotype, configspace"):
        model.predict(DARTS_V2, "pyg-graph")
    with pytest.raises(InvalidArchitectureError, match="the configuration has no 'NetworkSelectorDatasetInfo:darts:"):
        model.predict({}, "configspace")
    for config in (DARTS_V2, 3):
        with pytest.raises(QueryError, match=r"got (Genotype|int); a genotype needs representation='genotype'"):
            model.predict(config, "configspace")
    with pytest.raises(
        InvalidArchitectureError, match="its normal cell needs 8 pairs of operation and input, got None"
    ):
        model.predict({}, "genotype")
    assert repr(model) == f"<SurrogateAPI 'darts-surrogate': {LAST}>"
