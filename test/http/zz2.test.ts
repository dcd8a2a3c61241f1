import { test } from 'vitest';
import { openTestHouse } from '../harness/house.ts';
test('x', async () => {
  const th = await openTestHouse();
  const m = await th.merchant({ available: 1000_00n });
  for (let i = 0; i < 3; i++) { const r = await th.post('/v1/payout', m, { tokenId: m.cardToken, amount: '100', foo: 1 }); console.log(r.status, r.text); }
  await th.close();
});
