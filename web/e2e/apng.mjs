/**
 * Moving pictures out of screenshots: reads PNG, and writes animated PNG (the
 * PNG specification, third edition, with acTL, fcTL and fdAT), where each frame
 * has only the rectangle that changed.
 */
import { deflateSync, inflateSync } from "node:zlib";

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** @typedef {{width: number, height: number, data: Buffer}} Picture Three bytes a pixel: red, green, blue. */

/**
 * Reads a PNG of 8 bits a channel, with or without transparency, not interlaced: as browsers write them.
 * @param {Buffer} png
 * @returns {Picture}
 */
export function decode(png) {
  if (!png.subarray(0, 8).equals(signature)) throw new Error("this is no PNG");
  const parts = [];
  let [width, height, channels] = [0, 0, 0];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    const body = png.subarray(at + 8, at + 8 + png.readUInt32BE(at));
    const type = png.toString("latin1", at + 4, at + 8);
    if (type === "IDAT") parts.push(body);
    if (type !== "IHDR") continue;
    [width, height] = [body.readUInt32BE(0), body.readUInt32BE(4)];
    channels = { 2: 3, 6: 4 }[body[9]];
    if (body[8] !== 8 || !channels || body[12] !== 0) throw new Error("this kind of PNG is not read here");
  }
  const raw = inflateSync(Buffer.concat(parts));
  const stride = width * channels;
  const rows = Buffer.alloc(height * stride);
  for (let y = 0; y < height; y++) unfilter(raw, y * (stride + 1), rows, y * stride, stride, channels);
  if (channels === 3) return { width, height, data: rows };
  const data = Buffer.alloc(width * height * 3);
  for (let i = 0, j = 0; i < rows.length; i += 4, j += 3) rows.copy(data, j, i, i + 3);
  return { width, height, data };
}

function unfilter(raw, from, rows, to, stride, channels) {
  const filter = raw[from];
  for (let i = 0; i < stride; i++) {
    const left = i >= channels ? rows[to + i - channels] : 0;
    const up = to >= stride ? rows[to + i - stride] : 0;
    const corner = i >= channels && to >= stride ? rows[to + i - stride - channels] : 0;
    const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
    rows[to + i] = raw[from + 1 + i] + guess;
  }
}

function paeth(a, b, c) {
  const [pa, pb, pc] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
  if (pa <= pb && pa <= pc) return a;
  return pb <= pc ? b : c;
}

/**
 * Puts pictures side by side on a ground.
 * @param {readonly Picture[]} pictures
 * @param {number} gap
 * @param {readonly [number, number, number]} ground
 * @returns {Picture}
 */
export function beside(pictures, gap, ground) {
  const width = pictures.reduce((sum, picture) => sum + picture.width + gap, gap);
  const height = Math.max(...pictures.map((picture) => picture.height)) + 2 * gap;
  const data = Buffer.alloc(width * height * 3, Buffer.from(ground));
  let left = gap;
  for (const picture of pictures) {
    for (let y = 0; y < picture.height; y++) {
      picture.data.copy(data, ((y + gap) * width + left) * 3, y * picture.width * 3, (y + 1) * picture.width * 3);
    }
    left += picture.width + gap;
  }
  return { width, height, data };
}

/**
 * An animated PNG that repeats for ever. Frames are of one size; those that
 * equal the one before only make it last longer.
 * @param {readonly {picture: Picture, ms: number}[]} frames
 */
export function encode(frames) {
  const [{ picture: first }] = frames;
  const { width, height } = first;
  const steps = [];
  let before;
  for (const { picture, ms } of frames) {
    const box = before ? changed(before, picture) : { x: 0, y: 0, width, height };
    if (box) steps.push({ picture, ms, box });
    else steps.at(-1).ms += ms;
    before = picture;
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const control = Buffer.alloc(8);
  control.writeUInt32BE(steps.length, 0);
  const chunks = [chunk("IHDR", header), chunk("acTL", control)];
  let sequence = 0;
  steps.forEach(({ picture, ms, box }, i) => {
    const frame = Buffer.alloc(26);
    [sequence++, box.width, box.height, box.x, box.y].forEach((value, at) => frame.writeUInt32BE(value, 4 * at));
    frame.writeUInt16BE(Math.min(ms, 0xffff), 20);
    frame.writeUInt16BE(1000, 22);
    chunks.push(chunk("fcTL", frame));
    const data = compressed(picture, box);
    if (i === 0) chunks.push(chunk("IDAT", data));
    else {
      const number = Buffer.alloc(4);
      number.writeUInt32BE(sequence++, 0);
      chunks.push(chunk("fdAT", Buffer.concat([number, data])));
    }
  });
  return Buffer.concat([signature, ...chunks, chunk("IEND", Buffer.alloc(0))]);
}

/** The smallest rectangle outside of which both are equal; undefined when they are. */
function changed(a, b) {
  const stride = a.width * 3;
  let [top, bottom, left, right] = [a.height, -1, stride, -1];
  for (let y = 0; y < a.height; y++) {
    const [one, two] = [a.data.subarray(y * stride, (y + 1) * stride), b.data.subarray(y * stride, (y + 1) * stride)];
    if (one.equals(two)) continue;
    top = Math.min(top, y);
    bottom = y;
    let x = 0;
    while (one[x] === two[x]) x++;
    left = Math.min(left, x);
    x = stride - 1;
    while (one[x] === two[x]) x--;
    right = Math.max(right, x);
  }
  if (bottom < 0) return undefined;
  const [x, end] = [Math.floor(left / 3), Math.floor(right / 3)];
  return { x, y: top, width: end - x + 1, height: bottom - top + 1 };
}

/** Each row with the filter that makes its bytes smallest, as the specification advises. */
function compressed({ width, data }, box) {
  const stride = box.width * 3;
  const rows = Buffer.alloc(box.height * (stride + 1));
  const tries = [0, 1, 2, 4].map(() => Buffer.alloc(stride));
  for (let y = 0; y < box.height; y++) {
    const from = ((box.y + y) * width + box.x) * 3;
    const sums = [0, 0, 0, 0];
    for (let i = 0; i < stride; i++) {
      const value = data[from + i];
      const left = i >= 3 ? data[from + i - 3] : 0;
      const up = y > 0 ? data[from + i - width * 3] : 0;
      const corner = i >= 3 && y > 0 ? data[from + i - 3 - width * 3] : 0;
      [0, left, up, paeth(left, up, corner)].forEach((guess, k) => {
        const rest = (value - guess) & 0xff;
        tries[k][i] = rest;
        sums[k] += rest < 128 ? rest : 256 - rest;
      });
    }
    const best = sums.indexOf(Math.min(...sums));
    rows[y * (stride + 1)] = [0, 1, 2, 4][best];
    tries[best].copy(rows, y * (stride + 1) + 1);
  }
  return deflateSync(rows, { level: 9 });
}

function chunk(type, body) {
  const out = Buffer.alloc(12 + body.length);
  out.writeUInt32BE(body.length, 0);
  out.write(type, 4, "latin1");
  body.copy(out, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + body.length)), 8 + body.length);
  return out;
}

const crcTable = Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

function crc32(bytes) {
  let c = 0xffffffff;
  for (const byte of bytes) c = crcTable[(c ^ byte) & 0xff] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}
