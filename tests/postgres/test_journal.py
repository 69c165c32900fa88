"""What the journal promises, it promises over PostgreSQL too: the same tests."""

from tests.devserver.durable.test_journal import *  # noqa: F403 - every test of them
from tests.devserver.durable.test_reading import *  # noqa: F403
from tests.devserver.durable.test_stops import *  # noqa: F403
from tests.devserver.durable.test_writing import *  # noqa: F403

# Here an event is heard a moment after its commit: see test_events.py.
del test_listeners_hear_what_is_committed_and_nothing_of_what_is_not  # noqa: F821 - it came with the star
# Another process may have ended it, so that it is looked up.
del test_an_own_run_that_goes_on_is_not_looked_up_and_one_that_has_ended_is  # noqa: F821 - it came with the star
