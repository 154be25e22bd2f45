/** A binary heap of proposed merges, the lowest rank first and the leftmost of equal ranks. */
export class MergeQueue {
  /** rank * 2^26 + position: one number to compare, exact below 2^53 */
  private readonly keys: number[] = [];

  push(rank: number, position: number): void {
    const keys = this.keys, key = rank * PLACES + position;
    let i = keys.length;
    keys.push(key);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (keys[parent] <= key) break;
      keys[i] = keys[parent];
      i = parent;
    }
    keys[i] = key;
  }

  pop(): readonly [rank: number, position: number] | undefined {
    const keys = this.keys;
    if (!keys.length) return undefined;
    const top = keys[0], last = keys.pop()!;
    if (keys.length) {
      let i = 0;
      for (let child = 1; child < keys.length; child = 2 * i + 1) {
        if (child + 1 < keys.length && keys[child + 1] < keys[child]) child++;
        if (keys[child] >= last) break;
        keys[i] = keys[child];
        i = child;
      }
      keys[i] = last;
    }
    return [Math.floor(top / PLACES), top % PLACES];
  }
}

/** More bytes than a word can have here (67 million). */
const PLACES = 2 ** 26;
