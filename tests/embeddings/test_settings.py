from unibridge.embeddings.initialise import INITIALISERS
from unibridge.embeddings.settings import TABLES


def test_every_initialiser_says_what_it_reads():
    known = {name for table in TABLES for name in table.model_fields}
    # those of other tests, registered in the same process, read nothing
    read_by = [getattr(initialiser, "reads", ()) for initialiser in INITIALISERS.values()]
    assert set().union(*read_by) == known
