// CRC-32C (Castagnoli), which the PROXY protocol secures its header with. Node has CRC-32 only. Pure.

const POLYNOMIAL = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, octet) => {
  let remainder = octet;
  for (let bit = 0; bit < 8; bit++)
    remainder = (remainder & 1) === 0 ? remainder >>> 1 : (remainder >>> 1) ^ POLYNOMIAL;
  return remainder >>> 0;
});

export function crc32c(bytes: Uint8Array): number {
  let remainder = 0xffffffff;
  for (const octet of bytes) remainder = (remainder >>> 8) ^ (TABLE[(remainder ^ octet) & 0xff] as number);
  return (remainder ^ 0xffffffff) >>> 0;
}
