import { overLimit } from "./fault.ts";
import { readUnicode } from "./read-unicode.ts";
import type { Reader } from "./reader.ts";

const char = String.fromCharCode;

/**
 * Reads text from `p` to `end`, all of which is there.
 *
 * @throws {Fault} for what is no UTF-8.
 */
export function readText(b: Uint8Array, p: number, end: number, r: Reader): string {
  if (end - p > r.maxStringBytes) throw overLimit("maxStringBytes", r.maxStringBytes, p);
  // One call with as many arguments as there are characters is several times faster than a loop.
  switch (end - p) {
    case 0:
      return "";
    case 1: {
      const c0 = b[p] as number;
      if (c0 > 127) break;
      return char(c0);
    }
    case 2: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      if ((c0 | c1) > 127) break;
      return char(c0, c1);
    }
    case 3: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      if ((c0 | c1 | c2) > 127) break;
      return char(c0, c1, c2);
    }
    case 4: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      if ((c0 | c1 | c2 | c3) > 127) break;
      return char(c0, c1, c2, c3);
    }
    case 5: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      if ((c0 | c1 | c2 | c3 | c4) > 127) break;
      return char(c0, c1, c2, c3, c4);
    }
    case 6: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      if ((c0 | c1 | c2 | c3 | c4 | c5) > 127) break;
      return char(c0, c1, c2, c3, c4, c5);
    }
    case 7: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      if ((c0 | c1 | c2 | c3 | c4 | c5 | c6) > 127) break;
      return char(c0, c1, c2, c3, c4, c5, c6);
    }
    case 8: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      if ((c0 | c1 | c2 | c3 | c4 | c5 | c6 | c7) > 127) break;
      return char(c0, c1, c2, c3, c4, c5, c6, c7);
    }
    case 9: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      if ((c0 | c1 | c2 | c3 | c4 | c5 | c6 | c7 | c8) > 127) break;
      return char(c0, c1, c2, c3, c4, c5, c6, c7, c8);
    }
    case 10: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      const c9 = b[p + 9] as number;
      if ((c0 | c1 | c2 | c3 | c4 | c5 | c6 | c7 | c8 | c9) > 127) break;
      return char(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9);
    }
    case 11: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      const c9 = b[p + 9] as number;
      const c10 = b[p + 10] as number;
      if ((c0 | c1 | c2 | c3 | c4 | c5 | c6 | c7 | c8 | c9 | c10) > 127) break;
      return char(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10);
    }
    case 12: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      const c9 = b[p + 9] as number;
      const c10 = b[p + 10] as number;
      const c11 = b[p + 11] as number;
      if ((c0 | c1 | c2 | c3 | c4 | c5 | c6 | c7 | c8 | c9 | c10 | c11) > 127) break;
      return char(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11);
    }
    case 13: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      const c9 = b[p + 9] as number;
      const c10 = b[p + 10] as number;
      const c11 = b[p + 11] as number;
      const c12 = b[p + 12] as number;
      if ((c0 | c1 | c2 | c3 | c4 | c5 | c6 | c7 | c8 | c9 | c10 | c11 | c12) > 127) break;
      return char(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12);
    }
    case 14: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      const c9 = b[p + 9] as number;
      const c10 = b[p + 10] as number;
      const c11 = b[p + 11] as number;
      const c12 = b[p + 12] as number;
      const c13 = b[p + 13] as number;
      if ((c0 | c1 | c2 | c3 | c4 | c5 | c6 | c7 | c8 | c9 | c10 | c11 | c12 | c13) > 127) break;
      return char(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13);
    }
    case 15: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      const c9 = b[p + 9] as number;
      const c10 = b[p + 10] as number;
      const c11 = b[p + 11] as number;
      const c12 = b[p + 12] as number;
      const c13 = b[p + 13] as number;
      const c14 = b[p + 14] as number;
      if ((c0 | c1 | c2 | c3 | c4 | c5 | c6 | c7 | c8 | c9 | c10 | c11 | c12 | c13 | c14) > 127)
        break;
      return char(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14);
    }
    case 16: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      const c9 = b[p + 9] as number;
      const c10 = b[p + 10] as number;
      const c11 = b[p + 11] as number;
      const c12 = b[p + 12] as number;
      const c13 = b[p + 13] as number;
      const c14 = b[p + 14] as number;
      const c15 = b[p + 15] as number;
      if (
        (c0 | c1 | c2 | c3 | c4 | c5 | c6 | c7 | c8 | c9 | c10 | c11 | c12 | c13 | c14 | c15) >
        127
      )
        break;
      return char(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15);
    }
    case 17: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      const c9 = b[p + 9] as number;
      const c10 = b[p + 10] as number;
      const c11 = b[p + 11] as number;
      const c12 = b[p + 12] as number;
      const c13 = b[p + 13] as number;
      const c14 = b[p + 14] as number;
      const c15 = b[p + 15] as number;
      const c16 = b[p + 16] as number;
      if (
        (c0 |
          c1 |
          c2 |
          c3 |
          c4 |
          c5 |
          c6 |
          c7 |
          c8 |
          c9 |
          c10 |
          c11 |
          c12 |
          c13 |
          c14 |
          c15 |
          c16) >
        127
      )
        break;
      return char(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16);
    }
    case 18: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      const c9 = b[p + 9] as number;
      const c10 = b[p + 10] as number;
      const c11 = b[p + 11] as number;
      const c12 = b[p + 12] as number;
      const c13 = b[p + 13] as number;
      const c14 = b[p + 14] as number;
      const c15 = b[p + 15] as number;
      const c16 = b[p + 16] as number;
      const c17 = b[p + 17] as number;
      if (
        (c0 |
          c1 |
          c2 |
          c3 |
          c4 |
          c5 |
          c6 |
          c7 |
          c8 |
          c9 |
          c10 |
          c11 |
          c12 |
          c13 |
          c14 |
          c15 |
          c16 |
          c17) >
        127
      )
        break;
      return char(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17);
    }
    case 19: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      const c9 = b[p + 9] as number;
      const c10 = b[p + 10] as number;
      const c11 = b[p + 11] as number;
      const c12 = b[p + 12] as number;
      const c13 = b[p + 13] as number;
      const c14 = b[p + 14] as number;
      const c15 = b[p + 15] as number;
      const c16 = b[p + 16] as number;
      const c17 = b[p + 17] as number;
      const c18 = b[p + 18] as number;
      if (
        (c0 |
          c1 |
          c2 |
          c3 |
          c4 |
          c5 |
          c6 |
          c7 |
          c8 |
          c9 |
          c10 |
          c11 |
          c12 |
          c13 |
          c14 |
          c15 |
          c16 |
          c17 |
          c18) >
        127
      )
        break;
      return char(
        c0,
        c1,
        c2,
        c3,
        c4,
        c5,
        c6,
        c7,
        c8,
        c9,
        c10,
        c11,
        c12,
        c13,
        c14,
        c15,
        c16,
        c17,
        c18,
      );
    }
    case 20: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      const c9 = b[p + 9] as number;
      const c10 = b[p + 10] as number;
      const c11 = b[p + 11] as number;
      const c12 = b[p + 12] as number;
      const c13 = b[p + 13] as number;
      const c14 = b[p + 14] as number;
      const c15 = b[p + 15] as number;
      const c16 = b[p + 16] as number;
      const c17 = b[p + 17] as number;
      const c18 = b[p + 18] as number;
      const c19 = b[p + 19] as number;
      if (
        (c0 |
          c1 |
          c2 |
          c3 |
          c4 |
          c5 |
          c6 |
          c7 |
          c8 |
          c9 |
          c10 |
          c11 |
          c12 |
          c13 |
          c14 |
          c15 |
          c16 |
          c17 |
          c18 |
          c19) >
        127
      )
        break;
      return char(
        c0,
        c1,
        c2,
        c3,
        c4,
        c5,
        c6,
        c7,
        c8,
        c9,
        c10,
        c11,
        c12,
        c13,
        c14,
        c15,
        c16,
        c17,
        c18,
        c19,
      );
    }
    case 21: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      const c9 = b[p + 9] as number;
      const c10 = b[p + 10] as number;
      const c11 = b[p + 11] as number;
      const c12 = b[p + 12] as number;
      const c13 = b[p + 13] as number;
      const c14 = b[p + 14] as number;
      const c15 = b[p + 15] as number;
      const c16 = b[p + 16] as number;
      const c17 = b[p + 17] as number;
      const c18 = b[p + 18] as number;
      const c19 = b[p + 19] as number;
      const c20 = b[p + 20] as number;
      if (
        (c0 |
          c1 |
          c2 |
          c3 |
          c4 |
          c5 |
          c6 |
          c7 |
          c8 |
          c9 |
          c10 |
          c11 |
          c12 |
          c13 |
          c14 |
          c15 |
          c16 |
          c17 |
          c18 |
          c19 |
          c20) >
        127
      )
        break;
      return char(
        c0,
        c1,
        c2,
        c3,
        c4,
        c5,
        c6,
        c7,
        c8,
        c9,
        c10,
        c11,
        c12,
        c13,
        c14,
        c15,
        c16,
        c17,
        c18,
        c19,
        c20,
      );
    }
    case 22: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      const c9 = b[p + 9] as number;
      const c10 = b[p + 10] as number;
      const c11 = b[p + 11] as number;
      const c12 = b[p + 12] as number;
      const c13 = b[p + 13] as number;
      const c14 = b[p + 14] as number;
      const c15 = b[p + 15] as number;
      const c16 = b[p + 16] as number;
      const c17 = b[p + 17] as number;
      const c18 = b[p + 18] as number;
      const c19 = b[p + 19] as number;
      const c20 = b[p + 20] as number;
      const c21 = b[p + 21] as number;
      if (
        (c0 |
          c1 |
          c2 |
          c3 |
          c4 |
          c5 |
          c6 |
          c7 |
          c8 |
          c9 |
          c10 |
          c11 |
          c12 |
          c13 |
          c14 |
          c15 |
          c16 |
          c17 |
          c18 |
          c19 |
          c20 |
          c21) >
        127
      )
        break;
      return char(
        c0,
        c1,
        c2,
        c3,
        c4,
        c5,
        c6,
        c7,
        c8,
        c9,
        c10,
        c11,
        c12,
        c13,
        c14,
        c15,
        c16,
        c17,
        c18,
        c19,
        c20,
        c21,
      );
    }
    case 23: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      const c9 = b[p + 9] as number;
      const c10 = b[p + 10] as number;
      const c11 = b[p + 11] as number;
      const c12 = b[p + 12] as number;
      const c13 = b[p + 13] as number;
      const c14 = b[p + 14] as number;
      const c15 = b[p + 15] as number;
      const c16 = b[p + 16] as number;
      const c17 = b[p + 17] as number;
      const c18 = b[p + 18] as number;
      const c19 = b[p + 19] as number;
      const c20 = b[p + 20] as number;
      const c21 = b[p + 21] as number;
      const c22 = b[p + 22] as number;
      if (
        (c0 |
          c1 |
          c2 |
          c3 |
          c4 |
          c5 |
          c6 |
          c7 |
          c8 |
          c9 |
          c10 |
          c11 |
          c12 |
          c13 |
          c14 |
          c15 |
          c16 |
          c17 |
          c18 |
          c19 |
          c20 |
          c21 |
          c22) >
        127
      )
        break;
      return char(
        c0,
        c1,
        c2,
        c3,
        c4,
        c5,
        c6,
        c7,
        c8,
        c9,
        c10,
        c11,
        c12,
        c13,
        c14,
        c15,
        c16,
        c17,
        c18,
        c19,
        c20,
        c21,
        c22,
      );
    }
    case 24: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      const c9 = b[p + 9] as number;
      const c10 = b[p + 10] as number;
      const c11 = b[p + 11] as number;
      const c12 = b[p + 12] as number;
      const c13 = b[p + 13] as number;
      const c14 = b[p + 14] as number;
      const c15 = b[p + 15] as number;
      const c16 = b[p + 16] as number;
      const c17 = b[p + 17] as number;
      const c18 = b[p + 18] as number;
      const c19 = b[p + 19] as number;
      const c20 = b[p + 20] as number;
      const c21 = b[p + 21] as number;
      const c22 = b[p + 22] as number;
      const c23 = b[p + 23] as number;
      if (
        (c0 |
          c1 |
          c2 |
          c3 |
          c4 |
          c5 |
          c6 |
          c7 |
          c8 |
          c9 |
          c10 |
          c11 |
          c12 |
          c13 |
          c14 |
          c15 |
          c16 |
          c17 |
          c18 |
          c19 |
          c20 |
          c21 |
          c22 |
          c23) >
        127
      )
        break;
      return char(
        c0,
        c1,
        c2,
        c3,
        c4,
        c5,
        c6,
        c7,
        c8,
        c9,
        c10,
        c11,
        c12,
        c13,
        c14,
        c15,
        c16,
        c17,
        c18,
        c19,
        c20,
        c21,
        c22,
        c23,
      );
    }
    case 25: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      const c9 = b[p + 9] as number;
      const c10 = b[p + 10] as number;
      const c11 = b[p + 11] as number;
      const c12 = b[p + 12] as number;
      const c13 = b[p + 13] as number;
      const c14 = b[p + 14] as number;
      const c15 = b[p + 15] as number;
      const c16 = b[p + 16] as number;
      const c17 = b[p + 17] as number;
      const c18 = b[p + 18] as number;
      const c19 = b[p + 19] as number;
      const c20 = b[p + 20] as number;
      const c21 = b[p + 21] as number;
      const c22 = b[p + 22] as number;
      const c23 = b[p + 23] as number;
      const c24 = b[p + 24] as number;
      if (
        (c0 |
          c1 |
          c2 |
          c3 |
          c4 |
          c5 |
          c6 |
          c7 |
          c8 |
          c9 |
          c10 |
          c11 |
          c12 |
          c13 |
          c14 |
          c15 |
          c16 |
          c17 |
          c18 |
          c19 |
          c20 |
          c21 |
          c22 |
          c23 |
          c24) >
        127
      )
        break;
      return char(
        c0,
        c1,
        c2,
        c3,
        c4,
        c5,
        c6,
        c7,
        c8,
        c9,
        c10,
        c11,
        c12,
        c13,
        c14,
        c15,
        c16,
        c17,
        c18,
        c19,
        c20,
        c21,
        c22,
        c23,
        c24,
      );
    }
    case 26: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      const c9 = b[p + 9] as number;
      const c10 = b[p + 10] as number;
      const c11 = b[p + 11] as number;
      const c12 = b[p + 12] as number;
      const c13 = b[p + 13] as number;
      const c14 = b[p + 14] as number;
      const c15 = b[p + 15] as number;
      const c16 = b[p + 16] as number;
      const c17 = b[p + 17] as number;
      const c18 = b[p + 18] as number;
      const c19 = b[p + 19] as number;
      const c20 = b[p + 20] as number;
      const c21 = b[p + 21] as number;
      const c22 = b[p + 22] as number;
      const c23 = b[p + 23] as number;
      const c24 = b[p + 24] as number;
      const c25 = b[p + 25] as number;
      if (
        (c0 |
          c1 |
          c2 |
          c3 |
          c4 |
          c5 |
          c6 |
          c7 |
          c8 |
          c9 |
          c10 |
          c11 |
          c12 |
          c13 |
          c14 |
          c15 |
          c16 |
          c17 |
          c18 |
          c19 |
          c20 |
          c21 |
          c22 |
          c23 |
          c24 |
          c25) >
        127
      )
        break;
      return char(
        c0,
        c1,
        c2,
        c3,
        c4,
        c5,
        c6,
        c7,
        c8,
        c9,
        c10,
        c11,
        c12,
        c13,
        c14,
        c15,
        c16,
        c17,
        c18,
        c19,
        c20,
        c21,
        c22,
        c23,
        c24,
        c25,
      );
    }
    case 27: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      const c9 = b[p + 9] as number;
      const c10 = b[p + 10] as number;
      const c11 = b[p + 11] as number;
      const c12 = b[p + 12] as number;
      const c13 = b[p + 13] as number;
      const c14 = b[p + 14] as number;
      const c15 = b[p + 15] as number;
      const c16 = b[p + 16] as number;
      const c17 = b[p + 17] as number;
      const c18 = b[p + 18] as number;
      const c19 = b[p + 19] as number;
      const c20 = b[p + 20] as number;
      const c21 = b[p + 21] as number;
      const c22 = b[p + 22] as number;
      const c23 = b[p + 23] as number;
      const c24 = b[p + 24] as number;
      const c25 = b[p + 25] as number;
      const c26 = b[p + 26] as number;
      if (
        (c0 |
          c1 |
          c2 |
          c3 |
          c4 |
          c5 |
          c6 |
          c7 |
          c8 |
          c9 |
          c10 |
          c11 |
          c12 |
          c13 |
          c14 |
          c15 |
          c16 |
          c17 |
          c18 |
          c19 |
          c20 |
          c21 |
          c22 |
          c23 |
          c24 |
          c25 |
          c26) >
        127
      )
        break;
      return char(
        c0,
        c1,
        c2,
        c3,
        c4,
        c5,
        c6,
        c7,
        c8,
        c9,
        c10,
        c11,
        c12,
        c13,
        c14,
        c15,
        c16,
        c17,
        c18,
        c19,
        c20,
        c21,
        c22,
        c23,
        c24,
        c25,
        c26,
      );
    }
    case 28: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      const c9 = b[p + 9] as number;
      const c10 = b[p + 10] as number;
      const c11 = b[p + 11] as number;
      const c12 = b[p + 12] as number;
      const c13 = b[p + 13] as number;
      const c14 = b[p + 14] as number;
      const c15 = b[p + 15] as number;
      const c16 = b[p + 16] as number;
      const c17 = b[p + 17] as number;
      const c18 = b[p + 18] as number;
      const c19 = b[p + 19] as number;
      const c20 = b[p + 20] as number;
      const c21 = b[p + 21] as number;
      const c22 = b[p + 22] as number;
      const c23 = b[p + 23] as number;
      const c24 = b[p + 24] as number;
      const c25 = b[p + 25] as number;
      const c26 = b[p + 26] as number;
      const c27 = b[p + 27] as number;
      if (
        (c0 |
          c1 |
          c2 |
          c3 |
          c4 |
          c5 |
          c6 |
          c7 |
          c8 |
          c9 |
          c10 |
          c11 |
          c12 |
          c13 |
          c14 |
          c15 |
          c16 |
          c17 |
          c18 |
          c19 |
          c20 |
          c21 |
          c22 |
          c23 |
          c24 |
          c25 |
          c26 |
          c27) >
        127
      )
        break;
      return char(
        c0,
        c1,
        c2,
        c3,
        c4,
        c5,
        c6,
        c7,
        c8,
        c9,
        c10,
        c11,
        c12,
        c13,
        c14,
        c15,
        c16,
        c17,
        c18,
        c19,
        c20,
        c21,
        c22,
        c23,
        c24,
        c25,
        c26,
        c27,
      );
    }
    case 29: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      const c9 = b[p + 9] as number;
      const c10 = b[p + 10] as number;
      const c11 = b[p + 11] as number;
      const c12 = b[p + 12] as number;
      const c13 = b[p + 13] as number;
      const c14 = b[p + 14] as number;
      const c15 = b[p + 15] as number;
      const c16 = b[p + 16] as number;
      const c17 = b[p + 17] as number;
      const c18 = b[p + 18] as number;
      const c19 = b[p + 19] as number;
      const c20 = b[p + 20] as number;
      const c21 = b[p + 21] as number;
      const c22 = b[p + 22] as number;
      const c23 = b[p + 23] as number;
      const c24 = b[p + 24] as number;
      const c25 = b[p + 25] as number;
      const c26 = b[p + 26] as number;
      const c27 = b[p + 27] as number;
      const c28 = b[p + 28] as number;
      if (
        (c0 |
          c1 |
          c2 |
          c3 |
          c4 |
          c5 |
          c6 |
          c7 |
          c8 |
          c9 |
          c10 |
          c11 |
          c12 |
          c13 |
          c14 |
          c15 |
          c16 |
          c17 |
          c18 |
          c19 |
          c20 |
          c21 |
          c22 |
          c23 |
          c24 |
          c25 |
          c26 |
          c27 |
          c28) >
        127
      )
        break;
      return char(
        c0,
        c1,
        c2,
        c3,
        c4,
        c5,
        c6,
        c7,
        c8,
        c9,
        c10,
        c11,
        c12,
        c13,
        c14,
        c15,
        c16,
        c17,
        c18,
        c19,
        c20,
        c21,
        c22,
        c23,
        c24,
        c25,
        c26,
        c27,
        c28,
      );
    }
    case 30: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      const c9 = b[p + 9] as number;
      const c10 = b[p + 10] as number;
      const c11 = b[p + 11] as number;
      const c12 = b[p + 12] as number;
      const c13 = b[p + 13] as number;
      const c14 = b[p + 14] as number;
      const c15 = b[p + 15] as number;
      const c16 = b[p + 16] as number;
      const c17 = b[p + 17] as number;
      const c18 = b[p + 18] as number;
      const c19 = b[p + 19] as number;
      const c20 = b[p + 20] as number;
      const c21 = b[p + 21] as number;
      const c22 = b[p + 22] as number;
      const c23 = b[p + 23] as number;
      const c24 = b[p + 24] as number;
      const c25 = b[p + 25] as number;
      const c26 = b[p + 26] as number;
      const c27 = b[p + 27] as number;
      const c28 = b[p + 28] as number;
      const c29 = b[p + 29] as number;
      if (
        (c0 |
          c1 |
          c2 |
          c3 |
          c4 |
          c5 |
          c6 |
          c7 |
          c8 |
          c9 |
          c10 |
          c11 |
          c12 |
          c13 |
          c14 |
          c15 |
          c16 |
          c17 |
          c18 |
          c19 |
          c20 |
          c21 |
          c22 |
          c23 |
          c24 |
          c25 |
          c26 |
          c27 |
          c28 |
          c29) >
        127
      )
        break;
      return char(
        c0,
        c1,
        c2,
        c3,
        c4,
        c5,
        c6,
        c7,
        c8,
        c9,
        c10,
        c11,
        c12,
        c13,
        c14,
        c15,
        c16,
        c17,
        c18,
        c19,
        c20,
        c21,
        c22,
        c23,
        c24,
        c25,
        c26,
        c27,
        c28,
        c29,
      );
    }
    case 31: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      const c9 = b[p + 9] as number;
      const c10 = b[p + 10] as number;
      const c11 = b[p + 11] as number;
      const c12 = b[p + 12] as number;
      const c13 = b[p + 13] as number;
      const c14 = b[p + 14] as number;
      const c15 = b[p + 15] as number;
      const c16 = b[p + 16] as number;
      const c17 = b[p + 17] as number;
      const c18 = b[p + 18] as number;
      const c19 = b[p + 19] as number;
      const c20 = b[p + 20] as number;
      const c21 = b[p + 21] as number;
      const c22 = b[p + 22] as number;
      const c23 = b[p + 23] as number;
      const c24 = b[p + 24] as number;
      const c25 = b[p + 25] as number;
      const c26 = b[p + 26] as number;
      const c27 = b[p + 27] as number;
      const c28 = b[p + 28] as number;
      const c29 = b[p + 29] as number;
      const c30 = b[p + 30] as number;
      if (
        (c0 |
          c1 |
          c2 |
          c3 |
          c4 |
          c5 |
          c6 |
          c7 |
          c8 |
          c9 |
          c10 |
          c11 |
          c12 |
          c13 |
          c14 |
          c15 |
          c16 |
          c17 |
          c18 |
          c19 |
          c20 |
          c21 |
          c22 |
          c23 |
          c24 |
          c25 |
          c26 |
          c27 |
          c28 |
          c29 |
          c30) >
        127
      )
        break;
      return char(
        c0,
        c1,
        c2,
        c3,
        c4,
        c5,
        c6,
        c7,
        c8,
        c9,
        c10,
        c11,
        c12,
        c13,
        c14,
        c15,
        c16,
        c17,
        c18,
        c19,
        c20,
        c21,
        c22,
        c23,
        c24,
        c25,
        c26,
        c27,
        c28,
        c29,
        c30,
      );
    }
    case 32: {
      const c0 = b[p] as number;
      const c1 = b[p + 1] as number;
      const c2 = b[p + 2] as number;
      const c3 = b[p + 3] as number;
      const c4 = b[p + 4] as number;
      const c5 = b[p + 5] as number;
      const c6 = b[p + 6] as number;
      const c7 = b[p + 7] as number;
      const c8 = b[p + 8] as number;
      const c9 = b[p + 9] as number;
      const c10 = b[p + 10] as number;
      const c11 = b[p + 11] as number;
      const c12 = b[p + 12] as number;
      const c13 = b[p + 13] as number;
      const c14 = b[p + 14] as number;
      const c15 = b[p + 15] as number;
      const c16 = b[p + 16] as number;
      const c17 = b[p + 17] as number;
      const c18 = b[p + 18] as number;
      const c19 = b[p + 19] as number;
      const c20 = b[p + 20] as number;
      const c21 = b[p + 21] as number;
      const c22 = b[p + 22] as number;
      const c23 = b[p + 23] as number;
      const c24 = b[p + 24] as number;
      const c25 = b[p + 25] as number;
      const c26 = b[p + 26] as number;
      const c27 = b[p + 27] as number;
      const c28 = b[p + 28] as number;
      const c29 = b[p + 29] as number;
      const c30 = b[p + 30] as number;
      const c31 = b[p + 31] as number;
      if (
        (c0 |
          c1 |
          c2 |
          c3 |
          c4 |
          c5 |
          c6 |
          c7 |
          c8 |
          c9 |
          c10 |
          c11 |
          c12 |
          c13 |
          c14 |
          c15 |
          c16 |
          c17 |
          c18 |
          c19 |
          c20 |
          c21 |
          c22 |
          c23 |
          c24 |
          c25 |
          c26 |
          c27 |
          c28 |
          c29 |
          c30 |
          c31) >
        127
      )
        break;
      return char(
        c0,
        c1,
        c2,
        c3,
        c4,
        c5,
        c6,
        c7,
        c8,
        c9,
        c10,
        c11,
        c12,
        c13,
        c14,
        c15,
        c16,
        c17,
        c18,
        c19,
        c20,
        c21,
        c22,
        c23,
        c24,
        c25,
        c26,
        c27,
        c28,
        c29,
        c30,
        c31,
      );
    }
  }
  return readUnicode(b, p, end);
}
