"""What of the contracts the package's own members are held to elsewhere."""


class WithoutRuns:
    """A contract without runs of its own.

    ``test_every_pair`` has the bits of all pairs on ranks, ``predictions`` what is predicted.
    """

    test_a_run_has_the_same_bits_on_any_number_of_ranks = None
    test_a_run_has_the_error_that_is_predicted = None
