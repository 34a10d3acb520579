import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { PlanOptions } from "./faults.js";
import { RendererMemory } from "./memory.js";
import type { FaultProxy } from "./proxy.js";

/** Let tests in the browser steer the proxy, past its faults. Returns the address, and a function that ends it. */
export async function startControl(proxy: FaultProxy): Promise<{ address: string; stop: () => Promise<void> }> {
  const memory = new RendererMemory();
  const commands: Record<string, (argument: string) => unknown> = {
    follow: (plan) => proxy.follow(JSON.parse(plan) as PlanOptions),
    log: () => proxy.log,
    switchNetwork: (milliseconds) => proxy.switchNetwork(Number(milliseconds)),
    startMemory: () => memory.start(),
    stopMemory: () => memory.stop(),
  };
  const server = createServer((request, response) => {
    void request.toArray().then((chunks) => {
      const result = commands[request.url?.slice(1) ?? ""]?.(Buffer.concat(chunks as Buffer[]).toString());
      response.writeHead(200, { "Access-Control-Allow-Origin": "*" }).end(JSON.stringify(result ?? null));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
