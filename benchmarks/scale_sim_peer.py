"""The SCALE-Sim side of ``scale_sim.py``, run by the Python of an environment of its own.

    python benchmarks/scale_sim_peer.py FOLDER INPUT

INPUT is what ``scale_sim.peer_input`` returns, as JSON; files of SCALE-Sim go to FOLDER. Prints one
line of JSON: what SCALE-Sim reports of each row of the topology, and the CPU seconds of this
process (user and system). Traces are off, which only the Python interface can do.
"""

import json
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

CONFIG = """\
[general]
run_name = conv
[architecture_presets]
ArrayHeight = {array[0]}
ArrayWidth = {array[1]}
IfmapSramSzkB = {buffers_kb[0]}
FilterSramSzkB = {buffers_kb[1]}
OfmapSramSzkB = {buffers_kb[2]}
IfmapOffset = 0
FilterOffset = 10000000
OfmapOffset = 20000000
Dataflow = os
Bandwidth = 10
ReadRequestBuffer = 64
WriteRequestBuffer = 64
[layout]
IfmapCustomLayout = False
FilterCustomLayout = False
IfmapSRAMBankBandwidth = 10
IfmapSRAMBankNum = 10
IfmapSRAMBankPort = 2
FilterSRAMBankBandwidth = 10
FilterSRAMBankNum = 10
FilterSRAMBankPort = 2
[sparsity]
SparsitySupport = false
[run_presets]
InterfaceBandwidth = CALC
UseRamulatorTrace = False
"""
"""CALC: it estimates the bandwidths that it needs, and does not stall for them."""

HEADER = "Layer,IFMAP Height,IFMAP Width,Filter Height,Filter Width,Channels,Num Filter,Strides,"


def main(folder: Path, given: dict[str, Any]) -> None:
    """Simulate once and print what was found."""
    (folder / "reports").mkdir(parents=True, exist_ok=True)
    rows = [HEADER, *(",".join(map(str, row)) + "," for row in given["rows"])]
    files = {
        "config": (folder / "scale.cfg", CONFIG.format(**given)),
        "topology": (folder / "topology.csv", "\n".join(rows) + "\n"),
        "layout": (folder / "layout.csv", "Layer,\n"),  # must exist, unused
    }
    for path, content in files.values():
        path.write_text(content)

    from scalesim.scale_sim import scalesim  # type: ignore[import-not-found]

    imported_s = time.process_time()
    peer = scalesim(
        save_disk_space=True,  # no traces
        verbose=False,
        input_type_gemm=False,
        **{name: str(path) for name, (path, _) in files.items()},
    )
    peer.run_scale(top_path=str(folder / "reports"))
    done_s = time.process_time()
    reports = [
        layer.get_compute_report_items()[:3] for layer in peer.runner.single_layer_sim_object_list
    ]
    answer = {
        "versions": {name: version(name) for name in ("scalesim", "numpy", "pandas")},
        "rows": [
            {"cycles_with_prefetch": int(whole), "cycles": int(cycles), "stall_cycles": int(stalls)}
            for whole, cycles, stalls in reports
        ],
        "simulation_cpu_s": done_s - imported_s,
        "process_cpu_s": done_s,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
