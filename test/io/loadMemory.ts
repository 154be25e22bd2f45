// A process of its own that loads the model folder of its argument and says how much memory that took at most.
import { readFileSync } from 'node:fs';
import { ready } from '../../src/core/backend';
import { loadModel } from '../../src/models/load';

/** Largest resident memory of this program; `maxRSS` would count that of the process that started it, too. */
const peak = (): number => 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]);

async function main(): Promise<void> {
  await ready();
  await loadModel(process.argv[3]); // a small one first, so that code and engine are in memory
  const before = process.memoryUsage().rss;
  const { params } = await loadModel(process.argv[2]);
  const tensors = Object.values(params).reduce((sum, tensor) => sum + 4 * tensor.size, 0), sample = Object.values(params).map((tensor) => tensor.dataSync()[tensor.size - 1]);
  process.stdout.write(`${JSON.stringify({ tensors, grown: peak() - before, sample })}\n`);
}
main();
