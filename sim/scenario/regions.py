"""How long messages take between regions of the world.

The table is of public facts: median round trips between regions of one cloud, over a year. A
round trip differs a little with the end that measures it; within a region it is that between two
of its zones.

Source: https://www.cloudping.co, 50th percentile, as kept in the `estimator` example of
https://github.com/commonwarexyz/monorepo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

REGIONS = (
    "us-east-1",
    "us-west-1",
    "sa-east-1",
    "eu-west-1",
    "eu-central-1",
    "eu-north-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
)
ROUND_TRIPS_US = (  # as the region of the row measures it, to that of the column, in that order
    (5_506, 64_160, 115_310, 69_622, 93_160, 112_794, 192_506, 219_640, 199_812, 149_684),
    (63_944, 2_817, 174_762, 129_934, 153_252, 172_856, 232_000, 169_592, 139_126, 108_256),
    (115_378, 175_308, 3_318, 178_588, 205_014, 223_336, 301_760, 327_676, 312_424, 258_918),
    (69_736, 130_108, 178_206, 3_178, 27_456, 40_878, 125_890, 178_534, 255_742, 202_282),
    (92_650, 153_012, 204_017, 26_988, 4_042, 22_938, 129_262, 160_422, 251_345, 226_991),
    (112_202, 172_498, 222_980, 39_718, 22_980, 3_332, 148_877, 180_489, 271_220, 246_670),
    (189_670, 231_589, 301_022, 125_389, 128_968, 148_430, 3_167, 63_786, 154_675, 133_254),
    (219_003, 170_582, 327_793, 179_077, 161_197, 180_675, 64_496, 3_731, 94_844, 70_940),
    (199_676, 139_250, 312_056, 255_590, 251_648, 271_595, 154_862, 94_832, 4_096, 105_814),
    (149_537, 108_744, 258_343, 202_468, 227_580, 247_227, 134_328, 70_594, 106_936, 2_750),
)


def get_link_delays_us(regions: Sequence[str], processing_us: int = 0) -> list[list[int]]:
    """One-way delays between validators that stand in these regions.

    Units:  microseconds; processing_us is what a message costs besides its way.
    Return: `delays_us[source][target]`, half the round trip, rounded up, and the processing. What
            is on the diagonal is never used: nobody sends to himself.
    Errors: ValueError for a region that is not in the table.
    """
    places = [find_region(region) for region in regions]
    return [
        [(ROUND_TRIPS_US[source][target] + 1) // 2 + processing_us for target in places]
        for source in places
    ]


def find_region(name: str) -> int:
    """Place of a region in the table."""
    if name not in REGIONS:
        raise ValueError(f"unknown region {name!r}; known are {', '.join(REGIONS)}")
    return REGIONS.index(name)
