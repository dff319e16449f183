#!/usr/bin/env python3
"""Speaks the command line of Docker and Podman over folders and real processes.

The state is the folder `$FAKE_ENGINE`: `images/NAME` holds the files of an image and
`containers/NAME` a container with its files, its settings and the processes in it.
What isolates is not there; what begins, ends and fails is. A file of the state makes it
fail: `down`, `full`, `denied` and `slow` (all commands hang), see `main`. As with real
engines, a command goes on when its client is killed, and ends with its container.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

STATE = Path(os.environ.get("FAKE_ENGINE", "."))
DOWN = (
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is it running?"
)


def fail(text, code=1):
    print(text, file=sys.stderr)
    sys.exit(code)


def image_folder(name):
    return STATE / "images" / re.sub(r"\W", "_", name)


def container(name):
    folders = (STATE / "containers").glob("*")
    found = [folder for folder in folders if folder.name.startswith(name)]
    if len(found) != 1:
        fail(f"Error response from daemon: No such container: {name}")
    return found[0]


def settings(folder):
    return json.loads((folder / "settings.json").read_text())


def is_running(folder):
    try:
        process = int((folder / "process").read_text())
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def kill(folder):
    for path in [folder / "process", *folder.glob("exec-*")]:
        with contextlib.suppress(OSError, ValueError):
            os.killpg(int(path.read_text()), signal.SIGKILL)


def environment(folder):
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    home = str(folder / "files")
    # images of repositories do not have the plug-ins that are installed here
    plain = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "LANG": "C.UTF-8"}
    return {"PATH": path, "HOME": home, **plain}


def spawn(folder, command, workdir, **streams):
    where = folder / "files" / workdir.strip("/")
    return subprocess.Popen(
        command,
        cwd=where,
        env=environment(folder),
        start_new_session=True,
        **streams,
    )


# ---- the commands ----------------------------------------------------------------


def create(args):
    parser = argparse.ArgumentParser()
    for name in ("name", "network", "memory", "memory-swap", "cpus", "pids-limit"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--label", action="append", default=[])
    parser.add_argument("--pull", default="missing")
    parser.add_argument("--security-opt")
    parser.add_argument("--entrypoint")
    parser.add_argument("--rm", action="store_true")
    parser.add_argument("image")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    given = parser.parse_args(args)
    image = image_folder(given.image)
    if not image.is_dir():
        fail(f"Error response from daemon: No such image: {given.image}")
    if (STATE / "full").exists():
        fail(
            "Error response from daemon: mkdir /var/lib/docker: no space left on device"
        )
    folder = STATE / "containers" / given.name
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps(vars(given)))
    shutil.copytree(image, folder / "files", symlinks=True)
    print(given.name)


def start(args):
    folder = container(args[0])
    given = settings(folder)
    command = [given["entrypoint"], *given["command"]]
    nothing = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    main = spawn(folder, command, "/", **nothing)
    (folder / "process").write_text(str(main.pid))
    print(args[0])


def execute(args):
    parser = argparse.ArgumentParser()
    parser.add_argument("-i", "--interactive", action="store_true")
    parser.add_argument("-w", "--workdir", default="/")
    parser.add_argument("name")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    given = parser.parse_args(args)
    folder = container(given.name)
    if not is_running(folder):
        fail(f"Error response from daemon: container {given.name} is not running")
    stdin = sys.stdin.buffer.read() if given.interactive else b""
    output = folder / f"output-{os.getpid()}"
    with output.open("wb") as file:  # not the client's: the command outlives the client
        child = spawn(
            folder,
            given.command,
            given.workdir,
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=file,
        )
        (folder / f"exec-{child.pid}").write_text(str(child.pid))
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(stdin)
            child.stdin.close()
        code = child.wait()
    if not is_running(folder):
        sys.exit(137)  # what has come so far is lost with the container
    sys.stdout.buffer.write(output.read_bytes())
    sys.exit(code)


def cp(args):
    name, _, path = args[1].partition(":")
    assert args[0] == "-", args
    target = container(name) / "files" / path.strip("/")
    subprocess.run(["tar", "-xf", "-", "-C", target], stdin=sys.stdin, check=True)


def rm(args):
    folder = container(args[-1])
    kill(folder)
    shutil.rmtree(folder)
    print(args[-1])


def ps(args):
    label = args[args.index("--filter") + 1] if "--filter" in args else ""
    key = label.removeprefix("label=").partition("=")[0]
    for folder in sorted((STATE / "containers").glob("*")):
        labels = [text.partition("=")[0] for text in settings(folder)["label"]]
        if ("--all" in args or is_running(folder)) and (not key or key in labels):
            print(folder.name)


def inspect(args):
    _, template, name = args
    folder = container(name)
    label = re.search(r'Labels "([^"]+)"', template)
    if label:
        pairs = (text.partition("=") for text in settings(folder)["label"])
        print(next((value for key, _, value in pairs if key == label[1]), ""))
        return
    status = "running" if is_running(folder) else "exited"
    facts = {"{{.State.Status}}": status, "{{.State.OOMKilled}}": "false"}
    for key, value in facts.items():
        template = template.replace(key, value)
    print(template)


def image(args):
    if args[0] == "inspect" and not image_folder(args[1]).is_dir():
        print("[]")
        fail(f"Error response from daemon: No such image: {args[1]}")
    print("[{}]")


def pull(args):
    store = STATE / "registry" / image_folder(args[0]).name
    print(f"latest: Pulling from {args[0]}", flush=True)
    if (STATE / "denied").exists():
        fail("toomanyrequests: You have reached your pull rate limit.")
    if not store.is_dir():
        fail(f"Error response from daemon: manifest for {args[0]} not found")
    print("a1: Pulling fs layer\na2: Pulling fs layer", flush=True)
    if (STATE / "full").exists():
        fail("failed to register layer: write /x: no space left on device")
    shutil.copytree(store, image_folder(args[0]), symlinks=True)
    print("a1: Pull complete\na2: Pull complete\nStatus: Downloaded newer image")


COMMANDS = {
    "create": create,
    "start": start,
    "exec": execute,
    "cp": cp,
    "rm": rm,
    "ps": ps,
    "inspect": inspect,
    "image": image,
    "pull": pull,
}


def main():
    name, *args = sys.argv[1:]
    with (STATE / "log").open("a") as log:
        log.write(json.dumps([Path(sys.argv[0]).name, name, *args]) + "\n")
    if (STATE / "down").exists():
        fail(DOWN)
    if (STATE / f"slow-{name}").exists():
        time.sleep(600)
    COMMANDS[name](args)


if __name__ == "__main__":
    main()
