"""A small bounded load on a server: texts whose truth is known, each judged when it is answered."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field

import httpx2

from meta_tests.serving.waiting import PATIENCE_S
from meta_tests.support.toy import CALM, RARE

CLIENTS = 4
PAUSE_S = 0.01  # between two texts of one client


@dataclass
class Load:
    """Clients that go on until they are stopped. failures: what was no answer."""

    url: str
    answered: int = 0
    fell_back: int = 0
    by_role: dict[str, int] = field(default_factory=lambda: {"stable": 0, "canary": 0})
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()), daemon=True)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)

    async def _all(self) -> None:
        async with httpx2.AsyncClient(base_url=self.url, timeout=PATIENCE_S, trust_env=False) as client:
            await asyncio.gather(*(self._one(client, number) for number in range(CLIENTS)))

    async def _one(self, client: httpx2.AsyncClient, number: int) -> None:
        count = 0
        while not self._stop.is_set():
            count += 1
            # One text in four is an attack, one in twenty of the benign ones has the rare word.
            attack, rare = count % 4 == 0, count % 80 in (1, 27, 53)
            words = [CALM[count % len(CALM)], CALM[number], "evilpi" if attack else RARE if rare else "letter"]
            body = {"text": " ".join(words), "key": f"user-{number}-{count}"}
            try:
                answer = await client.post("/analyze", json=body)
                if answer.status_code != 200:
                    self.failures.append(f"{answer.status_code} {answer.text}")
                    continue
                found = answer.json()
                self.answered += 1
                self.by_role[found["role"]] += 1
                self.fell_back += found["fell_back"]
                judged = await client.post("/feedback", json={"request_id": found["request_id"], "attack": attack})
                if judged.status_code != 200:
                    self.failures.append(f"feedback: {judged.status_code} {judged.text}")
            except httpx2.HTTPError as error:
                self.failures.append(repr(error))
            await asyncio.sleep(PAUSE_S)
