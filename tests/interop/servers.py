"""servers - a private PostgreSQL and a broker for one test, reached over a socket file and a loopback
port. Each is our child and ended by its pid; if this program dies, the kernel ends them (setpriv)."""
import contextlib
import glob
import json
import os
import pwd
import signal
import socket
import subprocess
import time

import zmq

PATIENCE_S = 60


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.01)  # between two looks at the condition


def hold_port():
    """A bound socket that nobody listens at: until it is closed, no other program gets its port; a server that
    sets SO_REUSEADDR, as libzmq does, may listen there."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", 0))
    return s


class Bus:
    def __init__(self, work, build):
        self.work, self.build = work, build
        self.postgres = self.broker = None
        self.pg = f"{work}/pg"
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.database = f"host={self.pg} user=eocbus dbname=eocbus connect_timeout=5"
        self.port = hold_port()
        self.endpoint = f"tcp://127.0.0.1:{self.port.getsockname()[1]}"
        self.broker_key = None

    # PostgreSQL refuses to run as root.
    def as_postgres(self, *argv):
        who = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        return ["setpriv", *who, "--pdeathsig=QUIT", *argv]

    def run(self, argv, **more):
        p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/", **more)
        if p.returncode:
            raise RuntimeError(f"{argv}: exit {p.returncode}\n{p.stdout}{p.stderr}")
        return p.stdout

    def eocctl(self, *argv):
        return self.run([f"{self.build}/eocctl", "-c", "/dev/null", "-o", f"database={self.database}", *argv])

    def start_postgres(self):
        os.mkdir(self.pg, 0o700)
        if os.geteuid() == 0:
            os.chmod(self.work, 0o711)
            who = pwd.getpwnam("postgres")
            os.chown(self.pg, who.pw_uid, who.pw_gid)
        self.run(self.as_postgres(f"{self.bin}/initdb", "-D", f"{self.pg}/data", "-U", "eocbus", "-A", "trust",
                                  "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"))
        self.launch_postgres()
        self.run([f"{self.bin}/createdb", "-h", self.pg, "-U", "eocbus", "eocbus"])
        self.eocctl("migrate")
        # Messages of every type are made up here; orders that nobody approved would be refused, and for alarms that
        # nobody takes the bus would ask around.
        self.run([f"{self.bin}/psql", "-X", "-q", "-d", self.database, "-c",
                  "UPDATE bus.approval_need SET approvers = 0; DELETE FROM bus.escalation_rule"])

    def launch_postgres(self):
        log = open(f"{self.work}/postgres.log", "a")
        self.postgres = subprocess.Popen(
            self.as_postgres(f"{self.bin}/postgres", "-D", f"{self.pg}/data", "-k", self.pg, "-h", ""),
            stdout=log, stderr=log, cwd="/")
        ready = [f"{self.bin}/pg_isready", "-q", "-h", self.pg, "-U", "eocbus"]
        wait_for(lambda: subprocess.run(ready).returncode == 0, "PostgreSQL does not start")

    @contextlib.contextmanager
    def commits_wait(self):
        """Somebody has the head of the log: nothing is stored meanwhile."""
        with subprocess.Popen([f"{self.bin}/psql", "-X", "-q", "-A", "-t", "-d", self.database], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/") as psql:
            psql.stdin.write("BEGIN; SELECT 'held' FROM bus.log_head FOR UPDATE;\n")
            psql.stdin.flush()
            assert psql.stdout.readline() == "held\n"
            yield  # psql ends with its input, and the transaction with it

    def stop_postgres(self):
        self.postgres.send_signal(signal.SIGINT)
        self.postgres.wait(PATIENCE_S)

    def enrol(self, name, role):
        public, secret = zmq.curve_keypair()
        self.eocctl("principal", "add", name, "--agency", name.split(".")[0], "--role", role,
                    "--key", public.decode())
        return public, secret

    def start_broker(self):
        key = f"{self.work}/broker.key"
        if not self.broker_key:
            self.broker_key = self.eocctl("keygen", key).strip().encode()
        settings = {"name": "interop", "endpoint": self.endpoint, "key.file": key,
                    "database": f"host={self.pg} user=bus_ingest dbname=eocbus",
                    "control.socket": f"{self.work}/broker.sock",
                    "access.cache_file": f"{self.work}/broker.rights", "egress.horizon": "200ms",
                    "store.commit_ms": "30s"}  # sent again, a message is answered as repeated
        argv = ["setpriv", "--pdeathsig=KILL", f"{self.build}/eocbus-broker", "-c", "/dev/null"]
        for name, value in settings.items():
            argv += ["-o", f"{name}={value}"]
        log = open(f"{self.work}/broker.log", "a")
        begin = log.tell()
        self.broker = subprocess.Popen(argv, stdout=log, stderr=log, cwd="/")

        def ready():
            if self.broker.poll() is not None:
                raise RuntimeError(f"the broker ended with {self.broker.returncode}:\n{self.read_log()}")
            return "broker.ready" in self.read_log()[begin:]
        wait_for(ready, "the broker does not start")

    def read_log(self):
        with open(f"{self.work}/broker.log") as f:
            return f.read()

    def kill_broker(self):
        self.broker.kill()
        self.broker.wait()

    def end_broker(self):
        self.broker.terminate()
        return self.broker.wait(PATIENCE_S)

    def quarantine(self):
        text = self.eocctl("quarantine", "list", "--json", "--last", "1000")
        return [json.loads(line) for line in text.splitlines() if line.strip()]

    def end(self):
        for p, signum in ((self.broker, signal.SIGKILL), (self.postgres, signal.SIGQUIT)):
            if p and p.poll() is None:
                p.send_signal(signum)
                p.wait()
