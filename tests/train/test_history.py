import csv

from dlscan.train.history import Row, speed, summary, write_csv


def row(epoch, loss, accuracy, val_loss, val_accuracy, *times, **more):
    values = {"loss": loss, "accuracy": accuracy, "val_loss": val_loss, "val_accuracy": val_accuracy}
    return Row(epoch, values, *times, **more)


HISTORY = [
    row(1, 0.1 + 0.2, 0.5, 1.0, 0.4, 12.25, 1000.0),
    row(2, 0.2, 0.6, 0.5, 0.5, 10.0, 23400.4),
    row(3, 0.1, 0.7, 0.75, 0.6, 11.0, 23000.0, networks=4),
]


def test_history_reads_back_to_the_last_digit(tmp_path):
    write_csv(tmp_path / "history.csv", HISTORY)

    with (tmp_path / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "epoch",
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
        "seconds",
        "events_per_second",
        "networks",
    ]
    assert float(rows[0]["loss"]) == 0.1 + 0.2
    assert len(rows) == 3


def test_line_of_an_epoch_says_what_a_log_needs():
    assert (
        HISTORY[1].line(100)
        == "epoch 2/100 loss 0.2 accuracy 0.6 val_loss 0.5 val_accuracy 0.5 10.0 s 23,400 events/s"
    )


def test_row_with_a_loss_that_is_no_number_is_not_finite():
    assert HISTORY[0].finite
    assert not row(1, float("nan"), 0, 1, 0, 1, 1).finite
    assert not row(1, 1, 0, float("inf"), 0, 1, 1).finite


def test_summary_holds_first_last_and_best():
    assert summary(HISTORY, 2) == {
        "initial_loss": 0.1 + 0.2,
        "final_loss": 0.1,
        "initial_val_loss": 1.0,
        "final_val_loss": 0.75,
        "best_val_loss": 0.5,
    }


def test_speed_is_the_median_so_that_a_slow_first_epoch_does_not_count():
    assert speed(HISTORY) == {
        "seconds_per_epoch": 11.0,
        # of the last epoch this network has a quarter
        "train_seconds": 12.25 + 10.0 + 2.75,
        "job_seconds": 33.25,
        "events_per_second": 23000.0,
    }
