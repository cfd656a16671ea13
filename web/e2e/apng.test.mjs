import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { beside, decode, encode } from "./apng.mjs";
import { mulberry32 } from "./random.mjs";

describe("moving pictures", () => {
  const random = mulberry32(7);
  const picture = (width, height) => ({ width, height, data: Buffer.from(Array.from({ length: width * height * 3 }, () => Math.floor(random() * 256))) });
  const chunksOf = (png) => {
    const types = [];
    for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) types.push(png.toString("latin1", at + 4, at + 8));
    return types;
  };

  it("begin with the first picture, for whoever can't show the others", () => {
    const first = picture(17, 9);
    assert.deepEqual(decode(encode([{ picture: first, ms: 100 }])), first);
  });

  it("have a frame for each change, of the rectangle that changed", () => {
    const first = picture(20, 10);
    const second = { ...first, data: Buffer.from(first.data) };
    second.data[(4 * 20 + 6) * 3] ^= 0xff;
    second.data[(7 * 20 + 11) * 3 + 2] ^= 0xff;
    const png = encode([{ picture: first, ms: 100 }, { picture: first, ms: 50 }, { picture: second, ms: 70 }]);
    assert.deepEqual(chunksOf(png), ["IHDR", "acTL", "fcTL", "IDAT", "fcTL", "fdAT", "IEND"]);
    const at = png.lastIndexOf("fcTL") + 4;
    assert.deepEqual([1, 2, 3, 4].map((i) => png.readUInt32BE(at + 4 * i)), [6, 4, 6, 4]);
    assert.equal(png.readUInt16BE(png.indexOf("fcTL") + 4 + 20), 150, "an equal frame lasts longer");
  });

  it("stand side by side", () => {
    const [one, two] = [picture(3, 2), picture(2, 4)];
    const both = beside([one, two], 1, [1, 2, 3]);
    assert.deepEqual([both.width, both.height], [8, 6]);
    const pixel = (x, y) => [...both.data.subarray((y * 8 + x) * 3, (y * 8 + x) * 3 + 3)];
    assert.deepEqual(pixel(0, 0), [1, 2, 3]);
    assert.deepEqual(pixel(1, 1), [...one.data.subarray(0, 3)]);
    assert.deepEqual(pixel(5, 4), [...two.data.subarray(18, 21)]);
  });

  it("are of no use where the picture is none", () => {
    assert.throws(() => decode(Buffer.from("not a picture")), /no PNG/);
  });
});
