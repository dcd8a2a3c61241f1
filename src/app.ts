import swagger from '@fastify/swagger';
import { beneficiaryRoutes } from './beneficiaries/routes.ts';
import { cardRoutes } from './cards/routes.ts';
import type { Tx } from './db/db.ts';
import { customerRoutes } from './customers/routes.ts';
import { orderRoutes } from './distributions/order-routes.ts';
import { distributionRoutes } from './distributions/routes.ts';
import { docsRoutes } from './http/docs.ts';
import type { App } from './http/room.ts';
import { createServer } from './http/server.ts';
import type { House } from './main.ts';
import { merchantRoutes } from './merchants/routes.ts';
import { payoutRoutes } from './payouts/routes.ts';
import { callbackRoutes } from './sending/callback.ts';
import { splitRoutes } from './splits/routes.ts';
import { transactionRoutes } from './transactions/routes.ts';
import { walletPayment } from './wallet/payment.ts';
import { walletRoutes } from './wallet/routes.ts';
import { webhookRoutes } from './webhooks/routes.ts';
import { describeApi } from './http/openapi.ts';
import { invoicePayment } from './invoices/payment.ts';
import { invoiceRoutes } from './invoices/routes.ts';

/** The table of contents: every room's routes. */
export async function buildApp(house: House): Promise<App> {
  const app = createServer(house);
  await app.register(swagger, describeApi(house.config.publicUrl));
  await app.register(async (rooms) => {
    transactionRoutes(rooms as App, house);
    payoutRoutes(rooms as App, { ...house, payouts: house.payouts.accepted });
    distributionRoutes(rooms as App, house);
    orderRoutes(rooms as App, house);
    beneficiaryRoutes(rooms as App, house);
    const paymentOf = async (tx: Tx, id: string) => (await walletPayment(tx, id)) ?? invoicePayment(tx, id);
    splitRoutes(rooms as App, { ...house, paymentOf });
    invoiceRoutes(rooms as App, house);
    walletRoutes(rooms as App, house);
    cardRoutes(rooms as App, house);
    customerRoutes(rooms as App, house);
    merchantRoutes(rooms as App, house);
    webhookRoutes(rooms as App, house);
    callbackRoutes(rooms as App, {
      ...{ ...house, secret: house.config.processorSecret, processor: house.connector.name, outcomes: house.sending.outcomes },
      others: (merchantId, id, said) => house.wallet.callback(merchantId, id, said),
    });
  });
  docsRoutes(app);
  await app.ready();
  return app;
}
