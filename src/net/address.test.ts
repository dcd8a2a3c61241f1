import assert from 'node:assert/strict';
import { test } from 'vitest';
import { isPublicAddress, isPublicName } from './address.ts';

/** First, last and an address in between of every block that is not the public internet. @source IANA special-purpose registries (RFC 6890 and its updates) */
const inside = `
0.0.0.0 0.0.0.1 0.255.255.255 10.0.0.0 10.1.2.3 10.255.255.255 100.64.0.0 100.100.100.200 100.127.255.255 127.0.0.0 127.0.0.1 127.0.0.3 127.255.255.255
169.254.0.0 169.254.169.254 169.254.170.2 169.254.255.255 172.16.0.0 172.17.0.1 172.31.255.255 192.0.0.0 192.0.0.8 192.0.0.170 192.0.0.192 192.0.0.255 192.0.2.0 192.0.2.255
192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.0 192.168.0.1 192.168.255.255 192.175.48.1 198.18.0.0 198.19.255.255 198.51.100.7 203.0.113.0 203.0.113.255
224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.254 255.255.255.255 168.63.129.16
:: ::1 ::2 ::7f00:1 ::127.0.0.1 ::8.8.8.8 ::ffff:0:0 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:a9fe:a9fe ::ffff:0:127.0.0.1
64:ff9b::7f00:1 64:ff9b::127.0.0.1 64:ff9b::8.8.8.8 64:ff9b:1::1 100::1 100:0:0:1::1 2001::1 2001:0:7f00:1:: 2001:2::1 2001:3::1 2001:4:112::1 2001:10::1 2001:1f::1 2001:20::1 2001:2f::1 2001:30::1 2001:db8::1 2001:db8:ffff::1
2002:7f00:1:: 2002:7f00:0001:: 2002:a00:1:: 2002:808:808:: 2620:4f:8000::1 3fff::1 3fff:fff::1 4000::1 5f00::1 8000::1 e000::1 fc00::1 fd00::1 fd00:ec2::254 fdff:ffff::1 fe80::1 fe80::1%eth0 febf::1 fec0::1 feff::1 ff02::1 ff0e::1 ffff::1
2606:4700::1%lo`
  .trim()
  .split(/\s+/);

const outside =
  '1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 93.184.216.34 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255 ::ffff:8.8.8.8 2606:4700:4700::1111 2001:4860:4860::8888 2a00:1450:4001:80b::200e 2400:cb00::1 2600::1'.split(
    ' ',
  );

const nonsense = [
  '',
  'localhost',
  '127.1',
  '0x7f000001',
  '2130706433x',
  '1.2.3',
  '1.2.3.4.5',
  '[::1]',
  ':::',
  '127.0.0.1 ',
  ' 8.8.8.8',
  '8.8.8.8/8',
  'example.com',
];

for (const address of inside) test(`${address} is inside`, () => assert.equal(isPublicAddress(address), false));
for (const address of outside) test(`${address} is outside`, () => assert.equal(isPublicAddress(address), true));
test('what is no address is not outside', () => {
  for (const text of nonsense) assert.equal(isPublicAddress(text), false, text);
});

test('names that only the inside has', () => {
  for (const name of [
    'localhost',
    'localhost.',
    'LOCALHOST',
    'a.localhost',
    'db',
    'postgres',
    'router.local',
    'metadata.google.internal',
    'x.lan',
    'nas.home.arpa',
    'a.corp.',
    'foo.private',
  ])
    assert.equal(isPublicName(name), false, name);
  for (const name of [
    'example.com',
    'example.com.',
    'a.b.kz',
    'local.example.com',
    'localhost.example.com',
    'internal.io',
    'xn--80ak6aa92e.com',
    'mylocal.dev',
  ])
    assert.equal(isPublicName(name), true, name);
});
