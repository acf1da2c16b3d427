// proof_worker.js - counts until SHA-256 of "challenge:number" begins with enough zero bits
//
// SHA-256 (FIPS 180-4) by hand: crypto.subtle needs https and a promise for every one of the many hashes.

const ROUNDS = 64;
const { K, H } = constants();

/** The first 32 bits of the fractional parts of cube and square roots of the first primes. */
function constants() {
  const primes = [];
  for (let n = 2; primes.length < ROUNDS; n += 1) if (primes.every((p) => n % p)) primes.push(n);
  const bits = (root) => ((root - Math.floor(root)) * 2 ** 32) | 0;
  return { K: Int32Array.from(primes, (p) => bits(Math.cbrt(p))), H: primes.slice(0, 8).map((p) => bits(Math.sqrt(p))) };
}

const turn = (x, n) => (x >>> n) | (x << (32 - n));

/** The eight words of the digest of an ASCII text. @param {string} text */
export function sha256(text) {
  const words = new Int32Array(((text.length + 8) >> 6) * 16 + 16);
  for (let at = 0; at < text.length; at += 1) words[at >> 2] |= text.charCodeAt(at) << (24 - (at % 4) * 8);
  words[text.length >> 2] |= 0x80 << (24 - (text.length % 4) * 8);
  words[words.length - 1] = text.length * 8;
  const digest = Int32Array.from(H);
  const w = new Int32Array(ROUNDS);
  for (let block = 0; block < words.length; block += 16) {
    let [a, b, c, d, e, f, g, h] = digest;
    for (let t = 0; t < ROUNDS; t += 1) {
      if (t < 16) w[t] = words[block + t];
      else {
        const x = w[t - 15];
        const y = w[t - 2];
        const low = turn(x, 7) ^ turn(x, 18) ^ (x >>> 3);
        const high = turn(y, 17) ^ turn(y, 19) ^ (y >>> 10);
        w[t] = (w[t - 16] + low + w[t - 7] + high) | 0;
      }
      const first = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[t] + w[t]) | 0;
      const second = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((value, at) => { digest[at] = (digest[at] + value) | 0; });
  }
  return digest;
}

self.addEventListener("message", ({ data }) => {
  for (let number = 0; ; number += 1) {
    if (sha256(`${data.challenge}:${number}`)[0] >>> (32 - data.bits) === 0) {
      self.postMessage(String(number));
      return;
    }
  }
});
