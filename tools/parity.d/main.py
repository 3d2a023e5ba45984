"""parity: trains with wgan-cl and with tf.keras 2.15 from the same weights and draws; compares."""
import argparse
import pathlib
import shutil
import sys
import tempfile

from tables import print_table

HERE = pathlib.Path(__file__).resolve().parent

DESCRIPTION = """
Trains with wgan-cl, and with three models and a loop in tf.keras 2.15 that begins with the weights
wgan-cl wrote and draws the same batches and noise, and compares losses, weights, moving statistics
and RMSprop accumulators in two ways:

  one step    every step from the state that wgan-cl had before it, against Keras in double
              precision: the exact step. An activation at the kink of a ReLU may round to the
              other side, which changes a gradient by far more than a rounding; a step beyond the
              bounds is therefore compared with exact steps from states near by too, each number
              moved by at most 2^-18 of itself, which is what rounding a long sum comes to, and has
              to be within the bounds of one of them.
  all steps   Keras as it is, left alone from the initial weights on. Rounding errors grow then. How
              far they may lead, Keras shows itself: with convolutions that sum in another order
              (oneDNN off), and eight times from initial weights moved by at most 2^-18.

parity --files [PROGRAM] does something else: it takes the .h5 files of wgan-cl to tf.keras 2.15 and to
Keras 3, and back, and compares images, scores, and a step more in each.

A difference of a loss is relative to the loss, one of a weight to the RMS of its tensor.
"""

EPILOGUE = """
Exit code: 0 if each single step agrees, losses within 1e-4 and every weight within 1e-3, and all
steps together do so too, or stray no more than twice as far as Keras from itself; else 1.
"""

# The settings as given, and what a training may be asked for beside them.
SUITE = {
    "as given": {},
    "batch 1": {"batch": 1},
    "batch 37": {"batch": 37},
    "batch 37, 5 critic steps": {"batch": 37, "critic_steps": 5},
    "batch 37, other rates, clip and seed": {
        "batch": 37, "lr_generator": 1e-4, "lr_critic": 2e-4, "clip": 0.05, "seed": 2**40 + 7},
}

DRIFT_STOPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)


def parse():
    parser = argparse.ArgumentParser(
        prog="parity", description=DESCRIPTION, epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    built = HERE.parent.parent / "build/host/program/wgan-cl"
    default = str(built) if built.exists() else shutil.which("wgan-cl") or str(built)
    add = parser.add_argument
    add("--wgan-cl", metavar="PATH", default=default, help="the program [build/..., or in PATH]")
    add("--device", metavar="SEL", help="of wgan-cl, see wgan-cl devices")
    add("--data", metavar="PATH", help="IDX images, file or folder [1000 drawings of strokes]")
    add("--steps", metavar="N", type=int, default=20, help="[%(default)s]")
    add("--batch", metavar="N", type=int, default=128, help="[%(default)s]")
    add("--critic-steps", metavar="N", type=int, default=1, help="[%(default)s]")
    add("--lr-generator", metavar="X", type=float, default=5e-5, help="[%(default)s]")
    add("--lr-critic", metavar="X", type=float, default=5e-5, help="[%(default)s]")
    add("--clip", metavar="X", type=float, default=0.01, help="[%(default)s]")
    add("--seed", metavar="N", type=int, default=1, help="[%(default)s]")
    add("--suite", action="store_true", help="these settings, and others one at a time")
    add("--drift", metavar="N", type=int, help="instead, or after --suite: how N steps stray, no bounds")
    add("--train", metavar="N", type=int,
        help="instead: N steps by Keras alone, from wgan-cl's initial weights; going on if DIR has some")
    add("--out", metavar="DIR", help="of --train: losses, and models for wgan-cl import")
    add("--every", metavar="N", type=int, default=200, help="of --train: saves [%(default)s]")
    add("--markdown", metavar="FILE", help="writes the tables there as well")
    add("--only-parse", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.steps < 1 or (options.drift is not None and options.drift < 1):
        parser.error("--steps and --drift take a number from 1")
    if options.batch < 1 or options.critic_steps < 1:
        parser.error("--batch and --critic-steps take a number from 1")
    if (options.train is None) != (options.out is None):
        parser.error("--train and --out go together")
    if options.out and (options.train < 1 or options.every < 1):
        parser.error("--train and --every take a number from 1")
    if not shutil.which(options.wgan_cl):
        parser.error(f"--wgan-cl: no program {options.wgan_cl}")
    return options


def compare_case(options, settings, stops, folder, step_by_step):
    import compare
    import runs
    import steps
    run = runs.train(options.wgan_cl, options.device, data_of(options, folder),
                     folder / "run", settings, stops)
    trainings = [runs.all_steps(run), runs.in_another_order(run), *runs.from_states_near_by(run)]
    single = []
    if step_by_step:
        scale = compare.scales(trainings[0][1][run.steps])
        single = steps.compare_steps(run, runs.one_step_each(run), scale)
    comparison = compare.Comparison(run, single, trainings)
    shutil.rmtree(folder / "run")
    return comparison


def data_of(options, folder):
    import files
    if options.data:
        return str(pathlib.Path(options.data).resolve())
    path = folder / "strokes"
    files.write_idx(path, files.draw_strokes())
    return str(path)


def compare_cases(options, settings, folder):
    """The trainings asked for: (comparisons, Markdown)."""
    import report
    suite = SUITE if options.suite else {"as given": {}}
    comparisons = {}
    for name, change in suite.items():
        stops = list(range(1, options.steps + 1))
        comparison = compare_case(options, {**settings, **change}, stops, folder, True)
        comparisons[name] = comparison
        print(f"\n{name}: {comparison.run.settings}\n")
        report.print_steps(comparison)
        print()
        print_table(report.TENSOR_HEADING, report.tensor_rows(comparison))
        print("* without effect, for batch norm subtracts it: relative to what it is added to",
              flush=True)
    found = report.case_tables(comparisons)
    for heading, rows in found:
        print()
        print_table(heading, rows)
    text = report.cases_markdown(found, comparisons["as given"])
    return list(comparisons.values()), text


def compare_drift(options, settings, folder):
    import report
    stops = [s for s in DRIFT_STOPS if s < options.drift] + [options.drift]
    comparison = compare_case(options, settings, stops, folder, False)
    rows = list(report.drift_rows(comparison))
    print()
    print_table(report.DRIFT_HEADING, rows)
    return comparison, report.drift_markdown(rows, comparison)


def train_keras(options, settings):
    import keras_run
    folder = pathlib.Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    keras_run.train(options, settings, data_of(options, folder), folder)
    return 0


def main():
    options = parse()
    if options.only_parse:
        return 0
    settings = {name: getattr(options, name) for name in
                ("batch", "critic_steps", "lr_generator", "lr_critic", "clip", "seed")}
    if options.train:
        return train_keras(options, settings)
    import report
    with tempfile.TemporaryDirectory(prefix="parity-") as name:
        folder = pathlib.Path(name)
        judged, others, texts = [], [], []
        if options.suite or not options.drift:
            judged, text = compare_cases(options, settings, folder)
            texts.append(text)
        if options.drift:
            comparison, text = compare_drift(options, settings, folder)
            others.append(comparison)
            texts.append(text)
    about = report.versions((judged + others)[0].run)
    print(f"\n{about}")
    if options.markdown:
        text = "\n".join([report.TITLE, about + "\n", *texts])
        pathlib.Path(options.markdown).write_text(text, encoding="utf-8")
    return 0 if all(c.passes() for c in judged) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        sys.exit(f"parity: {error}")
