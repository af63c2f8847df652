"""Scores a folder on two Ray nodes of this machine: `two_nodes.py FOLDER MODEL TABLE [ENGINE]`; prints what happened as JSON."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
# Actors import the program as this process does.
os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])


def main() -> int:
    from ray.cluster_utils import Cluster

    from cxrview.batch import parts
    from cxrview.batch.plan import Plan
    from cxrview.batch.ray import ClusterBatch
    from cxrview.batch.report import write_report
    from cxrview.batch.run import Request
    from cxrview.engine.packages import load_package

    folder, model, table = map(Path, sys.argv[1:4])
    engine = sys.argv[4] if len(sys.argv) > 4 else "onnx"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    parts.LEAST_FILES = 7
    request = Request((folder,), Plan(model=str(model), engine=engine, inputs=(str(folder),), has_lungs=False), table)
    told: dict[str, object] = {"nodes": len(cluster.list_all_nodes())}
    package = load_package(model)
    with ClusterBatch(request, package, cluster.address) as batch:
        batch.list_files()
        told["parts"] = batch.parts
        first = next(batch.steps())
        told["first"] = first.rows
    with ClusterBatch(request, package, cluster.address) as batch:  # as after an interruption
        batch.list_files()
        told["left"] = len(batch.left())
        told["done"] = [done.number for done in batch.steps()]
        write_report(table.with_suffix(".html"), batch.outcome())
        batch.finish(("two_nodes",), 1.0)
    cluster.shutdown()
    print("TOLD " + json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
