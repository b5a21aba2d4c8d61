// Numbers from torch's generator: what Python draws by a seed, the page draws too.

/** A Mersenne Twister (Matsumoto and Nishimura 1998). */
export class Random {
  constructor(seed) {
    const state = new Uint32Array(624);
    state[0] = seed;
    for (let i = 1; i < 624; i++) {
      state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
    }
    this.state = state;
    this.used = 624;
  }

  next() {
    if (this.used === 624) this.refill();
    let y = this.state[this.used++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  refill() {
    const state = this.state;
    for (let i = 0; i < 624; i++) {
      const y = (state[i] & 0x80000000) | (state[(i + 1) % 624] & 0x7fffffff);
      state[i] = state[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.used = 0;
  }

  /** Fill an array with numbers from -bound to bound. */
  uniform(values, bound) {
    for (let i = 0; i < values.length; i++) {
      values[i] = Math.fround(((this.next() & 0xffffff) / 2 ** 24) * 2 * bound - bound);
    }
  }

  permutation(n) {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = 0; i < n - 1; i++) {
      const j = i + (this.next() % (n - i));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
}
