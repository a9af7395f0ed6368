"""CSV tables: what is read, how the task is found, and that every fault is named with its place."""

from __future__ import annotations

import csv
import io
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ladera.engine.data import csv_rows
from ladera.engine.data.csv_columns import MISSING
from ladera.engine.data.dataset import load
from ladera.engine.errors import InputError
from ladera.engine.experiment import Data

HOUSES = "size,rooms,price\n50.5,2,100.25\n80,3,170\n120,4,250.5\n"


@pytest.fixture
def read(tmp_path):
    """Return a reader of a text as a CSV file."""

    def reader(text: str | bytes, name: str = "table.csv", **settings):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(Data(path=path, **settings), 0)

    return reader


def test_a_plain_table(read):
    data = read(HOUSES)
    np.testing.assert_array_equal(data.x, [[50.5, 2], [80, 3], [120, 4]])
    np.testing.assert_array_equal(data.y, [100.25, 170, 250.5])
    assert data.x.dtype == data.y.dtype == np.float64
    assert (data.task, data.form, data.classes) == ("regression", "table", ())
    assert (data.feature_names, data.target_name) == (("size", "rooms"), "price")
    assert data.source.endswith("table.csv")


def test_the_target_can_be_any_column(read):
    data = read(HOUSES, target="size")
    np.testing.assert_array_equal(data.y, [50.5, 80, 120])
    assert data.feature_names == ("rooms", "price")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_encodings_and_line_ends(read, delimiter, encoding, end):
    text = HOUSES.replace("size", "größe").replace(",", delimiter).replace("\n", end)
    data = read(text.encode(encoding))
    assert data.feature_names == ("größe", "rooms")
    np.testing.assert_array_equal(data.x, [[50.5, 2], [80, 3], [120, 4]])


def test_utf16_big_endian(read):
    assert read(b"\xfe\xff" + HOUSES.encode("utf-16-be")).target_name == "price"


def test_quotes_hold_delimiters_quotes_and_line_ends(read):
    data = read('"a ""b"", c","kind"\n1,"x, y"\n2.5,"z\nz"\n')
    assert data.feature_names == ('a "b", c',)
    assert data.classes == ("x, y", "z\nz")


def test_blank_rows_are_left_out_and_blanks_stripped(read):
    data = read("a, b\n\n1 , 2.5\n\n 3,4.25\n5,1.5\n\n")
    np.testing.assert_array_equal(data.x[:, 0], [1, 3, 5])
    assert data.target_name == "b"


def test_text_features_become_one_column_per_category(read):
    data = read("colour,size,y\nred,1,0.5\nblue,2,1.5\nred,3,2.5\n")
    assert data.feature_names == ("colour=blue", "colour=red", "size")
    np.testing.assert_array_equal(data.x, [[0, 1, 1], [1, 0, 2], [0, 1, 3]])
    assert any('"colour"' in note and "2 categories" in note for note in data.notes)


def test_numbers_within_a_text_column_are_categories(read):
    data = read("doors,y\n2,0.5\nmany,1.5\nfew,2.5\n")
    assert data.feature_names == ("doors=2", "doors=few", "doors=many")


# -- the task


@pytest.mark.parametrize(
    ("targets", "task", "found", "classes", "y"),
    [
        (["no", "yes", "no"], None, "binary", ("no", "yes"), [0, 1, 0]),
        (["no", "yes", "no"], "multiclass", "multiclass", ("no", "yes"), [0, 1, 0]),
        (["c", "a", "b"], None, "multiclass", ("a", "b", "c"), [2, 0, 1]),
        (["1", "0", "1"], None, "binary", ("0", "1"), [1, 0, 1]),
        (["2.5", "0.5", "2.5"], None, "binary", ("0.5", "2.5"), [1, 0, 1]),
        (["10", "2", "3"], "multiclass", "multiclass", ("2", "3", "10"), [2, 0, 1]),
        (["10", "2", "3"], "regression", "regression", (), [10, 2, 3]),
        (["10", "2.5", "3"], None, "regression", (), [10, 2.5, 3]),
        (["1", "2", "3+"], "multiclass", "multiclass", ("1", "2", "3+"), [0, 1, 2]),
        ([str(i) for i in range(21)], None, "regression", (), list(range(21))),
    ],
)
def test_the_task_follows_from_the_target(read, targets, task, found, classes, y):
    data = read("x,y\n" + "".join(f"{i},{target}\n" for i, target in enumerate(targets)), task=task)
    assert (data.task, data.classes) == (found, classes)
    np.testing.assert_array_equal(data.y, y)
    assert data.y.dtype == (np.float64 if found == "regression" else np.int64)


@pytest.mark.parametrize(
    ("targets", "task", "message"),
    [
        (["1", "2", "3"], None, 'data.task = "multiclass" or data.task = "regression"'),
        ([str(i) for i in range(20)], None, 'data.task = "multiclass" or data.task = "regression"'),
        (["a", "b", "c"], "regression", "data.task is regression"),
        (["a", "b", "c"], "binary", "there are 3 classes"),
        (["a", "a", "a"], None, "only one class"),
        (["5", "5", "5"], None, "all targets are 5"),
    ],
)
def test_a_task_that_the_target_does_not_allow_is_refused(read, targets, task, message):
    with pytest.raises(InputError) as error:
        read("x,y\n" + "".join(f"{i},{target}\n" for i, target in enumerate(targets)), task=task)
    assert message in str(error.value)
    assert 'column "y"' in str(error.value)


# -- missing values

GAPS = "size,colour,y\n1,red,0.5\n,blue,1.5\n3,NA,2.5\n5,red,?\n7,blue,4.5\n"


def test_missing_values_are_refused_with_their_number(read):
    with pytest.raises(InputError) as error:
        read(GAPS)
    message = str(error.value)
    assert "3 missing values in 3 rows" in message
    assert '"size" 1, "colour" 1, "y" 1' in message
    assert '"drop"' in message
    assert "a target cannot be filled in" in message
    assert 'the first in row 3, column "size"' in message
    with pytest.raises(InputError, match='or "mean" to fill in the training mean'):
        read(GAPS.replace("?", "3.5"))


def test_rows_with_missing_values_can_be_dropped(read):
    data = read(GAPS, missing="drop", task="regression")
    np.testing.assert_array_equal(data.y, [0.5, 4.5])
    np.testing.assert_array_equal(data.x, [[1, 0, 1], [7, 1, 0]])
    assert any("3 of 5 rows dropped" in note for note in data.notes)


def test_missing_numbers_wait_for_the_training_mean_and_missing_texts_are_a_category(read):
    data = read(GAPS.replace("?", "3.5"), missing="mean")
    assert data.feature_names == ("size", "colour=missing", "colour=blue", "colour=red")
    np.testing.assert_array_equal(data.x[:, 0], [1, np.nan, 3, 5, 7])
    np.testing.assert_array_equal(data.x[:, 1], [0, 0, 1, 0, 0])


def test_what_is_filled_in_is_told(read):
    data = read(GAPS.replace("?", "3.5"), missing="mean")
    assert '1 missing value filled with the training mean, in column "size"' in data.notes
    assert '1 missing text a category of its own, in column "colour"' in data.notes
    assert not [note for note in read(HOUSES, missing="mean").notes if "missing" in note]


def test_a_missing_target_cannot_be_filled_in(read):
    with pytest.raises(InputError, match='the target "y" is missing in 1 row and'):
        read(GAPS, missing="mean")


def test_nothing_left_after_dropping_is_refused(read):
    with pytest.raises(InputError, match="no row is complete"):
        read("a,b\n1,\n,2\n", missing="drop")


@pytest.mark.parametrize("cell", sorted(MISSING))
def test_every_spelling_of_missing(read, cell):
    assert np.isnan(read(f"a,y\n1,0.5\n{cell},1.5\n3,2.25\n", missing="mean").x[1, 0])


# -- faults, each with its place


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["empty"]),
        ("\n\n", ["empty"]),
        ("a,b\n", ["no row below the header"]),
        ("a\n1\n", ["only one column", '"a"']),
        ("1,2\n3,4\n", ["row 1", "numbers only"]),
        ("a,,c\n1,2,3\n", ["row 1", "column 2 has no name"]),
        ("a,b,a\n1,2,3\n", ["row 1", "columns 1 and 3", '"a"']),
        ("a,b\n1,2\n3\n", ["row 3 has 1 cells", "header has 2"]),
        ("a,b\n1,2\n\n3,4,5\n", ["row 4 has 3 cells"]),
        ("a,b\n1,2\n3,4\n5x,6\n", ["row 4", 'column "a"', '"5x"', "not a number"]),
        ("a,b\n1,2\n1_000,4\n3,6\n", ["row 3", '"1_000"', "not a number"]),
        ("a,b\n1,2\n1e999,4\n", ["row 3", 'column "a"', '"1e999"', "finite"]),
        ("a,b\n-inf,2\n1,4\n", ["row 2", 'column "a"', '"-inf"', "finite"]),
        ('a,b\n"1,5",2\n"2,5",3\n', ["row 2", 'column "a"', '"1,5"', "decimal comma", "cut at commas"]),
        (
            "a;b\n1,5;2\n2.5;3\n3;4\n",
            ["row 2", 'column "a"', '"1,5"', "decimal comma", "others have a point"],
        ),
        ("a;b\n1,5;2\nred;3\n3;4\n", ["row 2", 'column "a"', '"1,5"', "decimal comma", "others are texts"]),
        ("a;b\n1,5;2\n1,5e999;3\n", ["row 3", 'column "a"', '"1,5e999"', "finite"]),
        (f'a,b\n1,2\n"{"x" * 200_000}",3\n', ["row 3", "longer than 131,072 characters", "long texts"]),
        ("a,b\n,1\n,2\n", ['column "a" has no values']),
        ('a,b\n1,"2\n3,4\n', ["row 2", "quote"]),
        ('a,b\n1,"2"3\n', ["row 2", "quote"]),
        ('a\tb\n1\t"2"3\n', ["row 2", r"'\t' expected", "quote"]),
        (b"a,b\n1,\xff\xff\n", ["UTF-8"]),
        ("a,b\n1,x\x1b[31m\n2,3\n4,5\n", ["row 2", r'"x\x1b[31m"']),
        ("a\x1b[2J,b\n1,2\n5,2\nx,2\n", ["row 4", r'"a\x1b[2J"']),
    ],
)
def test_faults_are_named_with_their_place(read, text, parts):
    with pytest.raises(InputError) as error:
        read(text)
    message = str(error.value)
    assert all(part in message for part in ["table.csv", *parts]), message
    assert message.isprintable()


def test_an_unknown_target_is_refused_with_a_guess(read):
    with pytest.raises(InputError, match='no column "prise"; did you mean "price"'):
        read(HOUSES, target="prise")


def test_an_unknown_target_in_other_letters_is_guessed(read):
    with pytest.raises(InputError, match='no column "Y"; did you mean "y"'):
        read("x,y\n1,2.5\n2,3.5\n3,0.5\n", target="Y")


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_decimal_commas_are_read_where_cells_are_not_cut_at_commas(read, delimiter):
    """A column of such numbers, whole ones and exponents among them; beside a column with points and one of texts."""
    rows = ["size;rate;kind;price", "1,5;0.5;a;10,25", "-2,25;0.25;b;7", "3;1;a;1,5e2", ";1;b;,5"]
    data = read("\n".join(rows).replace(";", delimiter) + "\n", missing="mean")
    np.testing.assert_array_equal(data.x[:, 0], [1.5, -2.25, 3, np.nan])
    np.testing.assert_array_equal(data.x[:, 1], [0.5, 0.25, 1, 1])
    np.testing.assert_array_equal(data.y, [10.25, 7, 150, 0.5])
    assert 'a comma is the decimal point in columns "size", "price"' in data.notes


def test_lines_of_blanks_are_passed_over(read):
    data = read("a,b\n1,2.5\n   \n3,4.25\n\t\n5,1.5\n \n")
    np.testing.assert_array_equal(data.x[:, 0], [1, 3, 5])


def test_escape_bytes_in_names_are_kept_as_they_are(read):
    assert read("a\x1b[31m,b\n1,2.5\n2,3.5\n3,4.5\n").feature_names == ("a\x1b[31m",)


def test_too_many_columns_are_refused(read):
    names = ",".join(f"c{i}" for i in range(100_000))
    with pytest.raises(InputError, match=r"100,000 columns are more than 20,000"):
        read(f"{names}\n{names}\n")


def test_an_identifier_column_is_refused(read):
    with pytest.raises(InputError, match='row 1002, column "id": more than 1000 different texts'):
        read("id,y\n" + "".join(f"n{i},{i / 3}\n" for i in range(1200)))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a,b\n1,2\n" + "3" * 30_000_000, id="one long line"),
        pytest.param('a,b\n1,2\n"' + "x\n" * 5_000_000, id="a quote left open"),
        pytest.param("a,b\n1,2\n" + '"\n",' * 3_000_000, id="quoted line ends"),
    ],
)
def test_a_record_without_end_is_refused_in_bounded_memory(read, tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_text(text)
    size = len(text)
    del text
    tracemalloc.start()
    with pytest.raises(InputError, match="row 3"):
        load(Data(path=path), 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < size


def test_the_file_is_streamed(read, monkeypatch):
    # Memory: the arrays (20 000 x 5 x 8 bytes, twice), not the 20 000 rows of cells (some 80 MB).
    text = "a,b,c,d,y\n" + "".join(f"{i},{i + 1},{i + 2},{i + 3},{i / 7}\n" for i in range(20_000))
    tracemalloc.start()
    read(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6_000_000


def test_a_tsv_whose_cells_hold_commas(read):
    data = read('name\tvalue\n"Doe, J"\t1.5\n"Roe, R"\t2.5\n"Doe, J"\t4\n', "t.tsv")
    assert data.feature_names == ("name=Doe, J", "name=Roe, R")


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(lambda rows, cells: (rows[1:], [column[1:] for column in cells]), id="a row less"),
        pytest.param(lambda rows, cells: (rows * 2, [column * 2 for column in cells]), id="rows more"),
        pytest.param(lambda rows, cells: (rows, cells[1:]), id="a column less"),
        pytest.param(lambda rows, cells: (rows, [("x",) * 3, *cells[1:]]), id="text for numbers"),
    ],
)
def test_a_file_that_changes_between_the_passes_is_refused(read, monkeypatch, second):
    passes = []
    batches = csv_rows.batches

    def other(path, delimiter):
        passes.append(path)
        for rows, cells in batches(path, delimiter):
            if len(passes) == 2:
                yield second(rows, cells)
            else:
                yield rows, cells

    monkeypatch.setattr("ladera.engine.data.csv_columns.batches", other)
    monkeypatch.setattr("ladera.engine.data.csv_table.batches", other)
    with pytest.raises(InputError, match="changed while it was read"):
        read(HOUSES)


# -- properties

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=64)


@settings(deadline=None)
@given(
    table=st.integers(1, 5).flatmap(
        lambda width: st.lists(
            st.lists(NUMBERS, min_size=width + 1, max_size=width + 1), min_size=2, max_size=20
        )
    ),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_numbers_survive_to_the_bit(table, delimiter, quoting, end):
    width = len(table[0]) - 1
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerows([[f"c{i}" for i in range(width)] + ["y"], *[[repr(v) for v in row] for row in table]])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_text(text.getvalue(), newline="")
        data = load(Data(path=path, task="regression"), 0)
    np.testing.assert_array_equal(np.column_stack([data.x, data.y]), np.array(table))


@settings(deadline=None)
@given(
    st.one_of(st.binary(max_size=300), st.text(alphabet='ab,;\n\r"1.5\t|\0-é', max_size=120).map(str.encode))
)
def test_any_bytes_are_read_or_refused(content):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(content)
        try:
            data = load(Data(path=path, missing="mean"), 0)
        except InputError as error:
            assert str(error).isprintable()
            return
    assert data.x.ndim == 2
    assert len(data.x) == len(data.y)
    assert data.x.shape[1] == len(data.feature_names)
    assert not np.isinf(data.x).any()
