// Says how the cost of work grows with its size, by the time this process was given: what others do on the machine is
// no part of it.

/** How many times as much work with `factor` times the size costs. Linear: about `factor`; quadratic: its square. */
export function growth(work: (size: number) => void, size: number, factor = 8): number {
  work(size); // compiles it
  const small = Math.max(1000, Math.min(cost(work, size), cost(work, size)));
  return cost(work, size * factor) / small;
}

function cost(work: (size: number) => void, size: number): number {
  const before = process.cpuUsage();
  work(size);
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
