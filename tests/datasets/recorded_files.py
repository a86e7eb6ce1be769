"""BDF and Neuroscan files with chosen signals, byte by byte: no package that writes them is needed."""

import struct

import numpy as np


def write_bdf(path, signal, names, rate, unit):
    """24-bit BioSemi file: ``signal`` (n_channels, n_samples) in what the header calls ``unit``, 0.01 to a digit."""
    n_channels, n_samples = signal.shape
    n_records = n_samples // rate

    def fields(values, width):
        return b"".join(str(value).ljust(width).encode("ascii") for value in values)

    start = b"\xffBIOSEMI" + b" " * 160 + b"01.01.2300.00.00" + fields([256 * (n_channels + 1)], 8)
    start += fields(["24BIT"], 44) + fields([n_records, 1], 8) + fields([n_channels], 4)
    each = fields(names, 16) + b" " * 80 * n_channels + fields([unit] * n_channels, 8)
    each += fields([-83886] * n_channels, 8) + fields([83886] * n_channels, 8)
    each += fields([-8388600] * n_channels, 8) + fields([8388600] * n_channels, 8)
    each += b" " * 80 * n_channels + fields([rate] * n_channels, 8) + b" " * 32 * n_channels
    digits = np.round(signal[:, : n_records * rate] * 100).astype("<i4").reshape(n_channels, n_records, rate)
    packed = np.ascontiguousarray(digits.transpose(1, 0, 2)).view("u1").reshape(-1, 4)[:, :3]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(start + each + packed.tobytes())


def write_cnt(path, signal, names, rate):
    """32-bit Neuroscan file: ``signal`` (n_channels, n_samples) in microvolts, 0.01 to a digit."""
    n_channels, n_samples = signal.shape
    start = bytearray(900 + 75 * n_channels)
    events_at = len(start) + 4 * n_channels * n_samples
    struct.pack_into("<H", start, 370, n_channels)
    struct.pack_into("<H", start, 376, rate)
    struct.pack_into("<i", start, 864, n_samples)
    struct.pack_into("<i", start, 886, events_at)
    start[225:235], start[235:247] = b"01/01/18  ", b"12:00:00    "
    for number, name in enumerate(names):
        at = 900 + 75 * number
        start[at : at + len(name)] = name.encode("ascii")
        struct.pack_into("<f", start, at + 59, 204.8 * 0.01)  # sensitivity
        struct.pack_into("<f", start, at + 71, 1.0)  # calibration
    digits = np.round(signal.T * 100).astype("<i4")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(start) + digits.tobytes() + struct.pack("<Bii", 3, 0, 0))
