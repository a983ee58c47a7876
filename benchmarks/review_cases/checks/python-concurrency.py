import asyncio

from meter.delivery import Deliverer, Message


class Outbox:
    def __init__(self):
        self.waiting = [Message("m1", "https://a.example", {})]

    async def pending(self, endpoint):
        await asyncio.sleep(0)
        return list(self.waiting)

    async def delivered(self, message):
        self.waiting = [kept for kept in self.waiting if kept.id != message.id]

    async def failed(self, message, why):
        await self.delivered(message)


async def main():
    sent = []

    async def send(endpoint, payload, headers):
        await asyncio.sleep(0)
        sent.append(headers["X-Meter-Message"])
        return 200

    deliverer = Deliverer(Outbox(), send)
    await asyncio.gather(deliverer.drain("https://a.example"), deliverer.drain("https://a.example"))
    assert sent == ["m1"], sent


asyncio.run(main())
