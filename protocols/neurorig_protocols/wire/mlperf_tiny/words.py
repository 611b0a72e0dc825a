"""The words of the MLPerf Tiny serial protocol: what a host may ask and what a device may answer.

A host sends commands of ASCII words ended by `%`, never by a newline. A device answers each one, also a wrong one, with
lines ended by CR LF, the last of them `m-ready`. Sans-I/O: `mlperf_tiny_host` and `mlperf_tiny_device` turn
bytes into these words and back; ports and timeouts are a driver's business. Behaviour after the API sources of
mlcommons/tiny and the readme of eembc/energyrunner. The streaming wake-word commands and the relay prefix of the
interface board are not spoken.
"""

from __future__ import annotations

from dataclasses import dataclass

TERMINATOR = "%"
COMMAND_CHARS = 80
"""What the API's command buffer holds; characters beyond are lost without an error."""
SAFE_COMMAND_CHARS = 79
"""Without the terminator; fits whichever way a port counts its last slot."""
DIRECT_CHUNK_BYTES = 31
"""Data bytes per `db` command of the reference runner on a direct port."""
MAX_CHUNK_BYTES = (SAFE_COMMAND_CHARS - len("db ")) // 2
API_BUFFER_BYTES = 96 * 96 * 3
DEFAULT_ITERATIONS = 1
DEFAULT_WARMUPS = 10
"""The API's help text says 0, its code says 10: a host always sends the number."""
LAP_WRAP_US = 2**32
"""Lap timestamps are an unsigned 32-bit count of microseconds."""


@dataclass(frozen=True)
class AskName:
    """`name`: who are you?"""


@dataclass(frozen=True)
class Timestamp:
    """`timestamp`: a lap line in performance mode, a low pulse on the marker line in energy mode."""


@dataclass(frozen=True)
class AskProfile:
    """`profile`: which firmware, which model?"""


@dataclass(frozen=True)
class AskHelp:
    """`help`: which commands are there?"""


@dataclass(frozen=True)
class AskResults:
    """`results`: the output vector of the last inference."""


@dataclass(frozen=True)
class DbLoad:
    """`db load N`: N data bytes follow. Negative when the text was: the device refuses it as too large."""

    count: int


@dataclass(frozen=True)
class DbBytes:
    """`db HH..`: the data bytes up to `invalid`, the first pair of characters that is not a hex number."""

    data: bytes
    invalid: str | None = None


@dataclass(frozen=True)
class DbPrint:
    """`db print`: the announced bytes of the buffer."""


@dataclass(frozen=True)
class Infer:
    """`infer N W`: N inferences between two timestamps, after W outside them."""

    iterations: int = DEFAULT_ITERATIONS
    warmups: int = DEFAULT_WARMUPS


@dataclass(frozen=True)
class Malformed:
    """A command of the set whose arguments are wrong; `text` is the error that answers it. Hosts send none."""

    text: str


@dataclass(frozen=True)
class Other:
    """A command outside the set: an extension, or damage."""

    text: str

    @property
    def word(self) -> str:
        """Its first word, which the device's error repeats."""
        return self.text.split(" ", 1)[0]


Command = (
    AskName | Timestamp | AskProfile | AskHelp | AskResults | DbLoad | DbBytes | DbPrint | Infer | Malformed | Other
)


PLAIN_COMMANDS: dict[str, Command] = {
    "name": AskName(),
    "timestamp": Timestamp(),
    "profile": AskProfile(),
    "help": AskHelp(),
    "results": AskResults(),
}
"""The commands of one word."""


@dataclass(frozen=True)
class Ready:
    """The last line of every answer, and of the boot transcript."""


@dataclass(frozen=True)
class TimestampMode:
    """First line of the boot transcript: "performance" or "energy"."""

    mode: str


@dataclass(frozen=True)
class InitDone:
    """The device has booted."""


@dataclass(frozen=True)
class Name:
    """Who answers; `device` is "dut" for a device under test."""

    vendor: str
    device: str = "dut"


@dataclass(frozen=True)
class Profile:
    """Version of the firmware."""

    version: str


@dataclass(frozen=True)
class Model:
    """Identifier of the model in the firmware."""

    model: str


@dataclass(frozen=True)
class Lap:
    """A timestamp of the device's own counter in microseconds; it wraps at 2^32."""

    us: int


@dataclass(frozen=True)
class Expecting:
    """`db load` was taken."""

    count: int


@dataclass(frozen=True)
class TooLarge:
    """`db load` exceeds the buffer: the only error without the error prefix, and ended by a bare newline."""

    count: int
    maximum: int


@dataclass(frozen=True)
class LoadDone:
    """The last data byte has arrived."""


@dataclass(frozen=True)
class BufferRow:
    """Up to 8 bytes of the buffer."""

    data: bytes


@dataclass(frozen=True)
class WarmupStart:
    """Warm-up inferences begin."""

    count: int


@dataclass(frozen=True)
class WarmupDone:
    """Warm-up inferences have ended."""


@dataclass(frozen=True)
class InferStart:
    """The first timestamp follows."""

    count: int


@dataclass(frozen=True)
class InferDone:
    """The second timestamp has been."""


@dataclass(frozen=True)
class Results:
    """The model's output vector, with three decimals on the wire."""

    values: tuple[float, ...]


@dataclass(frozen=True)
class Failure:
    """An error."""

    text: str


@dataclass(frozen=True)
class Fractured:
    """What a half-duplex collision left of a line, as older relays report it."""

    part: str


@dataclass(frozen=True)
class Text:
    """Any other line: the application's own text, help, or noise."""

    text: str


Reply = (
    Ready
    | TimestampMode
    | InitDone
    | Name
    | Profile
    | Model
    | Lap
    | Expecting
    | TooLarge
    | LoadDone
    | BufferRow
    | WarmupStart
    | WarmupDone
    | InferStart
    | InferDone
    | Results
    | Failure
    | Fractured
    | Text
)
