"""Being asked to stop: USR1 and TERM, once to stop in order and twice to stop at once."""

import os
import signal
import threading

_SIGNALS = (signal.SIGUSR1, signal.SIGTERM)


class StopSignals:
    """Takes the signals in a thread of its own, as the main thread may be inside MPI.

    Made before other threads are, which then leave the signals to it.

    Attributes
    ----------
    received
        Name of the first signal, or None.
    """

    def __init__(self) -> None:
        self.received: str | None = None
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        threading.Thread(target=self._take, name="stop signals", daemon=True).start()

    def _take(self) -> None:
        self.received = signal.Signals(signal.sigwait(_SIGNALS)).name
        again = signal.sigwait(_SIGNALS)
        os._exit(128 + again)  # MPICH has a handler for USR1, so that it would not end the process
