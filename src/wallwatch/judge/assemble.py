"""The verdicts of a chunk as a table: what is long and comes over and over is put in by number, column by column."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from wallwatch.judge.steps import decide

#: The tables that verdicts are put together from.
ASSEMBLED = (
    "judge_found",
    "judge_this",
    "judge_targets",
    "judge_mechanism_lists",
    "judge_rule_lists",
    "judge_flag_lists",
)


def assemble(con: duckdb.DuckDBPyConnection, rule_set: str, reference_set: str) -> pa.Table:
    """The verdicts of a chunk, with the columns of schema `VERDICTS`, in the order of their key; see `plain`.

    The same could be asked of the database; this takes a third of the time, since a measurement's texts and the lists of
    rules are found once, and not once for each verdict.

    Args:
        con: Holds the chunk's temporary tables.
        rule_set: Version of the rules.
        reference_set: Version of the reference data.
    """
    rows = con.sql(decide.IN_ORDER).to_arrow_table()
    measured = con.sql(decide.MEASURED).to_arrow_table()
    first = measured["m"][0] if len(measured) else 0
    place = pc.subtract(rows["m"], first).combine_chunks().cast(pa.int32())
    columns: dict[str, pa.Array | pa.ChunkedArray] = {name: rows[name] for name in ("host", "layer", "locus")}
    for name in (*decide.OF_MEASUREMENT, "service"):
        values = measured[name].combine_chunks()
        if name == "measurement_id":
            columns[name] = pa.DictionaryArray.from_arrays(place, values)
            continue
        if pa.types.is_string(values.type):
            values = values.dictionary_encode()  # a row then needs four bytes until it is written
        columns[name] = values.take(place)
    for name, number, words in (("state", "rank", decide.STATES), ("evidence", "evidence", decide.KINDS)):
        columns[name] = _words(words).take(rows[number].cast(pa.int64()).combine_chunks())
    lists = {name: _lists(con.sql(query).to_arrow_table()["names"]) for name, query in decide.LISTS.items()}
    for name in ("mechanisms", "rules", "against", "flags"):
        numbers = rows[name].combine_chunks().cast(pa.int32())
        columns[name] = pa.DictionaryArray.from_arrays(numbers, lists.get(name, lists["rules"]))
    for name, value in (("rule_set", rule_set), ("reference_set", reference_set)):
        columns[name] = pa.DictionaryArray.from_arrays(
            pa.nulls(rows.num_rows, pa.int32()).fill_null(0), [value]
        )
    return pa.table(columns)


def plain(verdicts: pa.Table) -> pa.Table:
    """Verdicts of a chunk with ids and lists where `assemble` has their numbers, so that rows can be told apart at less cost."""
    for name in ("measurement_id", "mechanisms", "rules", "against", "flags"):
        values = verdicts[name].combine_chunks().dictionary_decode()
        verdicts = verdicts.set_column(verdicts.column_names.index(name), name, values)
    return verdicts


def _words(words: tuple[str, ...]) -> pa.DictionaryArray:
    """The words by number from 1 on."""
    return pa.DictionaryArray.from_arrays(pa.array([0, *range(len(words))], pa.int32()), list(words))


def _lists(names: pa.ChunkedArray) -> pa.Array:
    """The lists by number from 1 on; 0 is the empty one."""
    empty = pa.array([[]], pa.list_(pa.string()))
    return pa.concat_arrays([empty, names.cast(pa.list_(pa.string())).combine_chunks()])
