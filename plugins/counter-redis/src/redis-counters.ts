// The Counters over one connection to Redis. Each question is one script: all amounts are added there at once or none,
// by the clock of Redis, so that servers whose clocks differ count alike.

import {
  type Clock,
  type CounterRequest,
  type Counters,
  type Logger,
  type Overrun,
  overrunOf,
} from '@posthouse/core';
import { createClient } from '@redis/client';

export interface RedisOptions {
  readonly url: string;
  readonly prefix: string;
  /** Milliseconds. */
  readonly timeout: number;
}

// KEYS: one for each request. ARGV: amount, most, window for each; `most` -1 is no limit.
// Returns nothing, or the number of the request that does not fit with its count: current, previous, elapsed.
const TAKE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i, key in ipairs(KEYS) do
  local amount, most, window = tonumber(ARGV[3*i-2]), tonumber(ARGV[3*i-1]), tonumber(ARGV[3*i])
  if most >= 0 then
    local slot = math.floor(now / window)
    local current = tonumber(redis.call('GET', key .. ':' .. string.format('%d', slot)) or 0)
    local previous = tonumber(redis.call('GET', key .. ':' .. string.format('%d', slot - 1)) or 0)
    local elapsed = now - slot * window
    if current + previous * (window - elapsed) / window > most - amount then
      return { i, current, previous, elapsed }
    end
  end
end
for i, key in ipairs(KEYS) do
  local amount, window = tonumber(ARGV[3*i-2]), tonumber(ARGV[3*i])
  if amount > 0 then
    local name = key .. ':' .. string.format('%d', math.floor(now / window))
    redis.call('INCRBY', name, string.format('%d', amount))
    redis.call('PEXPIRE', name, string.format('%d', 2 * window))
  end
end
return false
`;

/** Milliseconds between two tries to reach Redis again, at most. */
const MAX_BACK_OFF = 5_000;

export class RedisCounters implements Counters {
  readonly #options: RedisOptions;
  readonly #clock: Clock;
  readonly #client: ReturnType<typeof clientOf>;

  constructor(options: RedisOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#client = clientOf(options);
    this.#client.on('error', (error: unknown) =>
      log.warn({ error: String(error) }, 'Redis cannot be reached'),
    );
    this.#client.on('ready', () => log.info({}, 'counting in Redis'));
  }

  /** Waits for nothing: a server starts without Redis too, and counts once it is there. */
  start(): void {
    // Trouble is told by the event; the client goes on trying.
    this.#client.connect().catch(() => {});
  }

  stop(): void {
    if (this.#client.isOpen) this.#client.destroy();
  }

  async take(requests: readonly CounterRequest[]): Promise<Overrun | undefined> {
    const impossible = requests.find(({ amount, most }) => amount > most);
    if (impossible !== undefined) return { request: impossible, wait: undefined };
    const found = await this.#run(requests);
    if (!Array.isArray(found)) return undefined;
    const [index, current = 0, previous = 0, elapsed = 0] = found.map(Number);
    const request = requests[(index ?? 0) - 1];
    if (request === undefined) throw new Error('Redis answered for a request that was not asked');
    return overrunOf(request, { current, previous, elapsed }) ?? { request, wait: 1 };
  }

  async add(requests: readonly Omit<CounterRequest, 'most'>[]): Promise<void> {
    await this.#run(requests.map((request) => ({ ...request, most: -1 })));
  }

  async #run(requests: readonly CounterRequest[]): Promise<unknown> {
    const { prefix, timeout } = this.#options;
    if (requests.length === 0) return undefined;
    const answer = this.#client.eval(TAKE, {
      keys: requests.map(({ key, window }) => `${prefix}${window}:${key}`),
      arguments: requests.flatMap(({ amount, most, window }) => [amount, most, window].map(String)),
    });
    return new Promise((resolve, reject) => {
      const late = this.#clock.after(timeout, () =>
        reject(new Error(`Redis gave no answer within ${timeout} ms`)),
      );
      answer.then(resolve, reject).finally(() => late.stop());
    });
  }
}

function clientOf({ url, timeout }: RedisOptions) {
  const path = url.startsWith('unix://') ? url.slice('unix://'.length) : undefined;
  const reconnectStrategy = (tries: number): number => Math.min(100 * 2 ** Math.min(tries, 10), MAX_BACK_OFF);
  return createClient({
    // Questions that cannot be asked now fail now.
    disableOfflineQueue: true,
    commandsQueueMaxLength: 10_000,
    ...(path === undefined
      ? { url, socket: { connectTimeout: Math.max(timeout, 1_000), reconnectStrategy } }
      : { socket: { path, tls: false, reconnectStrategy } }),
  });
}
