"""An IP network between the namespaces of one machine, with a delay and with losses."""

import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import threading
import time

_SUBNET = "10.213.7"
_TUNSETIFF, _TUN_WITHOUT_HEADER = 0x400454CA, 0x1001
_LONGEST_PACKET = 65536


def address(host: int) -> str:
    """IP address of a host, of 1, …, 254."""
    return f"{_SUBNET}.{host}"


class Network(threading.Thread):
    """Carries packets between TUN devices, for kernels without ``sch_netem``.

    Attributes
    ----------
    delay
        Seconds from one host to another.
    loss
        Probability that a packet is lost.
    packets
        Number of packets carried so far.
    """

    def __init__(self) -> None:
        super().__init__(name="network", daemon=True)
        self.delay = 0.0
        self.loss = 0.0
        self.packets = 0
        self._chance = random.Random(1)  # noqa: S311 - no secret
        self._devices: dict[int, int] = {}
        self._on_the_way: list[tuple[float, int, int, bytes]] = []
        self._ended = threading.Event()

    def attach(self, host: int, process: int) -> None:
        """Give the network namespace of a process the device ``eth0`` and an address."""
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        name = f"ud{os.getpid()}-{host}"
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _TUN_WITHOUT_HEADER))
        _ip("link", "set", "dev", name, "netns", str(process), "name", "eth0")
        inside = ("nsenter", "-t", str(process), "-n", "ip")
        subprocess.run([*inside, "addr", "add", f"{address(host)}/24", "dev", "eth0"], check=True)
        for interface in ("lo", "eth0"):
            subprocess.run([*inside, "link", "set", interface, "up"], check=True)
        self._devices[host] = device

    def detach(self, host: int) -> None:
        """Pull the cable of a host, whose peers are not told."""
        os.close(self._devices.pop(host))

    def run(self) -> None:
        """Carry packets until ``stop``."""
        while not self._ended.is_set():
            now = time.monotonic()
            wait = max(0.0, self._on_the_way[0][0] - now) if self._on_the_way else 0.1
            for device in self._readable(min(wait, 0.1)):
                self._take(device)
            while self._on_the_way and self._on_the_way[0][0] <= time.monotonic():
                _, _, host, packet = heapq.heappop(self._on_the_way)
                self._hand_over(host, packet)

    def stop(self) -> None:
        """End the thread and remove the devices."""
        self._ended.set()
        self.join()
        for device in self._devices.values():
            os.close(device)

    def _readable(self, seconds: float) -> list[int]:
        try:
            return select.select(list(self._devices.values()), [], [], seconds)[0]
        except OSError:  # one was just detached
            return []

    def _take(self, device: int) -> None:
        try:
            packet = os.read(device, _LONGEST_PACKET)
        except OSError:  # the namespace has ended
            return
        is_ours = packet[0] >> 4 == 4 and packet[16:19] == bytes(map(int, _SUBNET.split(".")))
        if is_ours and self._chance.random() >= self.loss:
            self.packets += 1
            arrival = time.monotonic() + self.delay
            heapq.heappush(self._on_the_way, (arrival, self.packets, packet[19], packet))

    def _hand_over(self, host: int, packet: bytes) -> None:
        try:
            os.write(self._devices[host], packet)
        except (KeyError, OSError):  # there is no such host, or not any more
            return


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)  # noqa: S607
