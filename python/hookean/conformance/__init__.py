"""Conformance: vector files against what they speak about, the controllers' decisions or the simulated queues.

`files` finds and dispatches vector files, `report` says what came out, `queueing` simulates the cases of queueing
theory, `page` writes them down.
"""

from hookean.conformance.files import check_file as check_file
from hookean.conformance.files import vector_files as vector_files
from hookean.conformance.report import Comparison as Comparison
from hookean.conformance.report import Failure as Failure
from hookean.conformance.report import FileReport as FileReport
