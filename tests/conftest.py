"""What all tests share."""

import signal

# A shell lets what it starts in the background ignore Ctrl-C, and children inherit that: tests of Ctrl-C would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)
