"""Names that one server gave are put in the place of those that another gave, and nothing else is changed."""

from contracts.recorded.names import Names


def test_a_name_is_replaced_wherever_it_stands_whole() -> None:
    names = Names({"sess-1": "s", "sess-1:train:0": "other-run"})
    assert names.text("sess-1") == "s"
    assert names.text("sess-10") == "sess-10"
    assert names.text("a-sess-1") == "a-sess-1"
    assert names.text("sess-1:train:1") == "s:train:1"  # which a client makes of the session itself
    assert names.text("tinker://sess-1:train:0/weights/ck1") == "tinker://other-run/weights/ck1"
    assert names.applied({"id": ["sess-1", 7, None], "sess-1": "x"}) == {"id": ["s", 7, None], "sess-1": "x"}


def test_a_new_name_is_not_taken_for_an_old_one() -> None:
    assert Names({"a": "b", "b": "c"}).text("a b") == "b c"


def test_a_path_keeps_its_clients_encoding() -> None:
    names = Names({"sess-1:sample:0": "x:sample:9"})
    assert names.path("/samplers/sess-1:sample:0") == "/samplers/x:sample:9"
    assert names.path("/samplers/sess-1%3Asample%3A0") == "/samplers/x%3Asample%3A9"


def test_names_are_learnt_from_the_fields_that_give_them() -> None:
    names = Names()
    recorded = {"request_id": "r1", "type": "t1", "sample_sequence_ids": ["q1", "q2"], "in": {"session_id": "s1"}}
    got = {"request_id": "r2", "type": "t2", "sample_sequence_ids": ["q3", "q4"], "in": {"session_id": "s2"}}
    names.learn_from(recorded, got)
    assert names.text("r1 t1 q1 q2 s1") == "r2 t1 q3 q4 s2"


def test_the_last_that_a_thing_was_called_counts_even_if_it_is_called_as_recorded() -> None:
    names = Names()
    names.learn("jwt-1", "a")
    names.learn("jwt-1", "jwt-1")
    assert names.text("jwt-1") == "jwt-1"


def test_addresses_of_files_belong_together_by_the_files_names() -> None:
    names = Names()
    names.learn_from(
        {"urls": {"config.json": "http://old/1", "sub/model": "http://old/2", "more": "http://old/3"}},
        {"urls": {"model": "http://new/b", "config.json": "http://new/a"}},
    )
    assert sorted(names.addresses()) == [("http://old/1", "http://new/a"), ("http://old/2", "http://new/b")]
