"""The design ledger: what each student decided in each lab, kept safely and shown to nobody else.

Labs use `DesignLedger`; servers use `open_store` and `ledger.identity`; operators use the exports and the
class statistics. This package knows nothing of screens, lessons or physics.
"""

from ledger import event_kinds, identity
from ledger.archive import ArchiveReport, export_all, import_all
from ledger.contract import CONTRACT, contract_of, readable_design, validate_design
from ledger.design_ledger import DesignLedger
from ledger.errors import (
    BadToken,
    DesignError,
    ErasedError,
    EventError,
    LedgerError,
    LedgerImportError,
    StoreUnavailable,
    TokenOver,
    UnknownLab,
)
from ledger.field import Field
from ledger.identity import id_for_user, load_secret, new_student_id
from ledger.keys import KEYS, entry_key, parse_key
from ledger.lab_contract import COMMON_FIELDS, LabContract
from ledger.outbox import Outbox
from ledger.portable import ImportReport, export_csv, export_json, import_csv, import_json
from ledger.portable_content import MAX_BYTES
from ledger.records import Entry, Event, Waiting
from ledger.spool import Spool
from ledger.statistics import ClassStatistics, LabStatistics, class_statistics
from ledger.store import Store, open_store
from ledger.student_data import erase_student, find_by_name, is_known, student_data
from ledger.working_ledger import WorkingLedger

__all__ = [
    "COMMON_FIELDS",
    "CONTRACT",
    "KEYS",
    "MAX_BYTES",
    "ArchiveReport",
    "BadToken",
    "ClassStatistics",
    "DesignError",
    "DesignLedger",
    "Entry",
    "ErasedError",
    "Event",
    "EventError",
    "Field",
    "ImportReport",
    "LabContract",
    "LabStatistics",
    "LedgerError",
    "LedgerImportError",
    "Outbox",
    "Spool",
    "Store",
    "StoreUnavailable",
    "TokenOver",
    "UnknownLab",
    "Waiting",
    "WorkingLedger",
    "class_statistics",
    "contract_of",
    "entry_key",
    "erase_student",
    "event_kinds",
    "export_all",
    "export_csv",
    "export_json",
    "find_by_name",
    "id_for_user",
    "identity",
    "import_all",
    "import_csv",
    "import_json",
    "is_known",
    "load_secret",
    "new_student_id",
    "open_store",
    "parse_key",
    "readable_design",
    "student_data",
    "validate_design",
]
