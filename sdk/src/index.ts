export { type Card, type CardData, encryptCard, type PublicKey } from './cards.ts';
export {
  type CreatePayout,
  type Feed,
  type FeedEvent,
  type History,
  type Merchant,
  type PayoutFilter,
  type SaveCard,
  type SaveCustomer,
  Tolem,
} from './client.ts';
export { type ErrorCode, TolemConnectionError, TolemError } from './errors.ts';
export {
  type CardSavedMessage,
  type CardSaveFailedMessage,
  type CardSession,
  type Customer,
  type ErrorBody,
  errorCodes,
  type Operations,
  type SavedCard,
  type Transaction,
  type TransactionMessage,
  type TransactionRow,
  type WebhookDelivery,
  type WebhookEndpoint,
} from './generated.ts';
export { toMajor, toMinor } from './money.ts';
export type { FeedPage, Page } from './pages.ts';
export type { AnswerInfo, CallOptions, TolemOptions } from './transport.ts';
export {
  type Delivery,
  hasWebhookToken,
  type Message,
  type TestMessage,
  verifyWebhook,
  type VerifyOptions,
  WebhookError,
  type WebhookHeaders,
} from './webhooks.ts';
