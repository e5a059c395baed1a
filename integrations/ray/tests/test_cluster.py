"""A real local Ray cluster of several nodes, one of which is killed; and everything that goes wrong cleanly.

`integrations/ray/check.sh` runs this. REHEARSAL is the program.
"""

import filecmp
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

# Nodes start slowly on a machine that is busy with other things. Ray reads this when it is loaded.
os.environ.setdefault("RAY_raylet_start_wait_time_s", "180")

import ray  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402

REHEARSAL = os.environ["REHEARSAL"]
FILES = ["summary.json", "users.csv", "curve.csv", "records.jsonl"]
POLICIES = ["--policy", "egreedy-v1", "--policy", "egreedy-v2"]


def rehearsal(*args, cwd):
    return subprocess.run([REHEARSAL, *args], cwd=cwd, capture_output=True, text=True)


class Adapter(subprocess.Popen):
    """The adapter as a user starts it."""

    def __init__(self, *args, cwd):
        command = [sys.executable, "-m", "rehearsal_ray", *args]
        super().__init__(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self):
        self.out, self.err = self.communicate(timeout=300)
        return self


class OnACluster(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # The head has no processor: it holds the driver's objects, and the nodes do the work.
        cls.cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": 100 << 20})
        cls.nodes = [cls.add_node() for _ in range(3)]
        cls.cluster.wait_for_nodes()

    @classmethod
    def add_node(cls):
        return cls.cluster.add_node(num_cpus=1, object_store_memory=100 << 20)

    @classmethod
    def tearDownClass(cls):
        cls.cluster.shutdown()

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.dir = Path(scratch.name)

    def start(self, *args, binary=REHEARSAL):
        return Adapter("simulate", *args, "--address", self.cluster.address, "--binary", binary, cwd=self.dir)

    def same_files(self, a, b):
        for name in FILES:
            self.assertTrue(filecmp.cmp(self.dir / a / name, self.dir / b / name, shallow=False), name)

    def refused(self, run, *parts):
        run.finish()
        self.assertEqual((run.returncode, run.out), (2, ""), run.err)
        last = run.err.strip().splitlines()[-1]
        for part in parts:
            self.assertIn(part, last)

    def test_a_killed_node_changes_no_byte(self):
        args = ["steady", *POLICIES, "--users", "6000", "--steps", "200"]
        # However fast the program, a task takes a second: the node is killed while it is at one.
        slow = self.dir / "slow"
        slow.write_text(f'#!/bin/sh\nsleep 1\nexec {REHEARSAL} "$@"\n')
        slow.chmod(0o755)
        run = self.start(*args, "--blocks-per-task", "8", "--out", "spread", "--json", binary=str(slow))
        # The node that has just finished a task is at the next one: there are more tasks than processors.
        first = run.stderr.readline()
        self.assertIn("done on", first)
        name = first.split(" done on ")[1].split(";")[0]
        victim = next(node for node in self.nodes if node.node_id.startswith(name))
        time.sleep(0.3)
        self.nodes.remove(victim)
        self.cluster.remove_node(victim, allow_graceful=False)
        run.finish()
        self.assertEqual(run.returncode, 0, first + run.err)
        self.assertIn("lost with", run.err)
        self.assertIn("188 of 188 blocks", run.err.strip().splitlines()[-1])
        done_by = [line.split(" done on ")[1].split(";")[0] for line in run.err.splitlines() if " done on " in line]
        self.assertGreaterEqual(len(set(done_by) - {name}), 2, "the other nodes carried on")
        whole = rehearsal("simulate", *args, "--out", "whole", "--json", cwd=self.dir)
        self.same_files("spread", "whole")
        self.assertEqual(run.out, whole.stdout)
        type(self).nodes.append(self.add_node())

    def test_a_gate_with_files_of_ones_own_decides_the_same(self):
        (self.dir / "mine").mkdir()
        (self.dir / "mine/curious.toml").write_text('name = "curious"\nexplorer = "linucb"\nalpha = 0.3\nfeatures = "v2"\n')
        (self.dir / "mine/train.toml").write_text('name = "train"\ndescription = "Short"\nsteps = 40\n')
        (self.dir / "mine/gate.toml").write_text(
            'description = "x"\nalpha = 0.05\nbeta = 0.05\nminimum_effect = 0.01\nmax_users = 160\n'
            '[[criteria]]\nkind = "superior"\nmetric = "reward"\nscenarios = ["train.toml"]\n'
        )
        policies = ["--policy", "egreedy-v1", "--policy", str(self.dir / "mine/curious.toml")]
        args = ["--gate", "mine/gate.toml", *policies, "--users", "160", "--include", "mine/train.toml"]
        run = self.start(*args, "--out", "spread").finish()
        self.assertEqual(run.returncode, 0, run.err)
        gate = ["promote-check", "--challenger", "mine/curious.toml", "--gate", "mine/gate.toml", "--json"]
        here = rehearsal(*gate, cwd=self.dir)
        there = rehearsal(*gate, "--from", "spread", cwd=self.dir)
        self.assertIn(here.returncode, (0, 1, 3), here.stderr)
        self.assertEqual((here.returncode, here.stdout), (there.returncode, there.stdout))
        # Without the scenario that the gate names, the nodes refuse, and their word is passed on.
        self.refused(self.start(*args[:-2]), "cannot read mine/train.toml")

    def test_parts_that_are_there_are_not_run_again(self):
        args = ["steady", "--policy", "uniform", "--users", "150", "--steps", "20", "--parts", "parts"]
        self.assertEqual(self.start(*args, "--blocks-per-task", "2").finish().returncode, 0)
        (self.dir / "parts/part-3-5.json").unlink()
        again = self.start(*args, "--blocks-per-task", "2", "--out", "again").finish()
        self.assertEqual([line.split(":")[0] for line in again.err.splitlines()], ["blocks 3..5"])
        rehearsal("simulate", *args[:-2], "--out", "whole", cwd=self.dir)
        self.same_files("again", "whole")

    def test_a_program_that_keeps_dying_ends_the_run(self):
        # The driver's own block is fine; every other one ends by a signal, as when memory runs out.
        script = self.dir / "flaky"
        script.write_text(f'#!/bin/sh\ncase "$*" in *"--blocks 0..1 "*) exec {REHEARSAL} "$@";; esac\nkill -9 $$\n')
        script.chmod(0o755)
        args = ["steady", "--policy", "uniform", "--users", "64", "--steps", "5", "--retries", "2"]
        self.refused(self.start(*args, binary=str(script)), "blocks 1..2 were lost 3 times", "signal 9")

    def test_bad_use_is_one_line(self):
        uniform = ["--policy", "uniform", "--users", "64", "--steps", "5"]
        self.refused(self.start("stedy", *uniform), 'did you mean "steady"?')
        self.refused(self.start("steady", *uniform, binary="/nowhere/rehearsal"), "no program '/nowhere/rehearsal'")
        self.refused(self.start("steady", *uniform, "--worker-binary", "/nowhere/r"), "cannot run /nowhere/r")
        self.refused(self.start("steady", "--policy", "/etc/hostname"), "/etc/hostname is not below the current folder")
        self.refused(self.start("steady", *uniform, "--blocks", "0..1"), "--blocks is not for a cluster")
        self.refused(self.start("steady", *uniform, "--include", "nothing"), "--include: no file nothing")
        self.refused(self.start("steady", *uniform, "--cpus-per-task", "0"), "'0'; allowed: a whole number above 0")
        large = ["--cpus-per-task", "99", "--patience", "1"]
        self.refused(self.start("steady", *uniform, *large), "no node with 99 processors for 1 s; 1 blocks are missing")

    def test_programs_of_two_versions_do_not_mix(self):
        # A program on the nodes that says it is of another version than the driver's.
        script = self.dir / "newer"
        script.write_text(
            f'#!/bin/sh\n{REHEARSAL} "$@" && for out in "$@"; do :; done\n'
            'while [ "$1" != --out ]; do shift; done\nsed -i \'1s/"version":"[^"]*"/"version":"9.9.9"/\' "$2"\n'
        )
        script.chmod(0o755)
        args = ["steady", "--policy", "uniform", "--users", "64", "--steps", "5", "--worker-binary", str(script)]
        self.refused(self.start(*args), "not parts of one run: versions", "9.9.9")


class WithoutACluster(unittest.TestCase):
    def test_nodes_need_not_have_the_package(self):
        import rehearsal_ray

        task = ray.cloudpickle.dumps(rehearsal_ray.worker.run_blocks)
        load = "import pickle, sys; sys.modules['rehearsal_ray'] = None; pickle.load(sys.stdin.buffer)"
        loaded = subprocess.run([sys.executable, "-c", load], input=task, capture_output=True)
        self.assertEqual(loaded.returncode, 0, loaded.stderr.decode())

    def test_no_cluster_is_one_line(self):
        with tempfile.TemporaryDirectory() as here:
            args = ["simulate", "--policy", "uniform", "--users", "64", "--binary", REHEARSAL]
            run = Adapter(*args, "--address", "127.0.0.1:1", cwd=here).finish()
        self.assertEqual((run.returncode, run.out), (2, ""), run.err)
        self.assertIn("no Ray cluster at '127.0.0.1:1'", run.err.strip().splitlines()[-1])

    def test_a_cluster_that_goes_away_ends_the_run(self):
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": 100 << 20})
        node = cluster.add_node(num_cpus=1, object_store_memory=100 << 20)
        cluster.wait_for_nodes()
        with tempfile.TemporaryDirectory() as here:
            args = ["simulate", "--policy", "uniform", "--users", "20000", "--blocks-per-task", "8", "--patience", "3"]
            run = Adapter(*args, "--binary", REHEARSAL, "--address", cluster.address, cwd=here)
            self.assertIn("done on", run.stderr.readline())
            cluster.remove_node(node, allow_graceful=False)
            run.finish()
            cluster.shutdown()
        self.assertEqual((run.returncode, run.out), (2, ""), run.err)
        self.assertIn("no node with 1 processors for 3 s", run.err.strip().splitlines()[-1])


if __name__ == "__main__":
    unittest.main()
