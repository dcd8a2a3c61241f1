/** Made from the API's description by sdk/generate.ts. Do not edit: change the schemas, then `npx vitest run sdk -u`. */

/** 1 (503): service unavailable. The service is busy or restarting. 2 (500): something went wrong. An unexpected error occurred on our side. 3 (400): invalid request params. The request is malformed, or a parameter is missing or wrong. 4 (404): not found. There is no such resource, or it is not yours. 5 (422): unprocessable entity. The request was understood, but its data cannot be accepted. 6 (401): unauthorized. The key is missing, wrong, expired or revoked. 7 (403): forbidden. The key is good, but lacks the scope for this. 8 (409): conflict. The state of the resource, or an earlier request with this Idempotency-Key, does not allow it. 9 (429): too many requests. More requests than this key may send. */
export interface ErrorBody {
  /** What went wrong, for programs */
  code: number;
  /** What went wrong, for people; begins with the words of its code */
  message: string;
  /** The part of the API that says so */
  source: string;
  type: 'apiError' | 'validationError';
  /** Field by field, where fields are to blame */
  details?: {
    field: string;
    message: string;
  }[];
}

export interface Transaction {
  /** The transaction */
  id: string;
  /** The same id */
  transactionId: string;
  /** The same id */
  paymentId: string;
  /** In major units: 100.05 is one hundred tenge and five tiyn */
  amount: number;
  /** What is left to refund; null for payouts */
  balance: number | null;
  /** ISO 4217 */
  currency: string;
  /** A payout: new, processing, then settled, rejected or failed. A return: returned. */
  status: string;
  /** unknown for a payout, return for money that the bank gave back */
  type: string;
  /** The first digits of the card */
  bin: string | null;
  /** The network of the card */
  brand: string | null;
  /** The last four digits of the card */
  last4: string | null;
  /** The saved card */
  cardTokenId: string | null;
  /** Whose card it is */
  customerId: string | null;
  /** What the merchant said it is for */
  description: string | null;
  /** The merchant's own reference */
  merchantReference: string | null;
  /** The same reference */
  orderReference: string | null;
  /** What this transaction belongs to */
  parentTransactionId: string | null;
  /** Only for payments */
  payerIp: string | null;
  /** Only for payments */
  paymentLinkId: string | null;
  paymentMethod: string;
  /** Only for payments */
  paymentSessionId: string | null;
  /** Only for payments */
  recurringType: string | null;
  /** The processor's reference number, once executed */
  retrievalReferenceNumber: string | null;
  /** Only for payments */
  secure3d: boolean | null;
  /** The store */
  storeId: string;
  /** The terminal */
  terminalId: string;
  /** Why it was rejected or failed: an ISO 8583 response code */
  errorCode: string | null;
  /** The same in words */
  errorMessage: string | null;
  /** errorCode again */
  error_code: string | null;
  /** errorMessage again */
  error_message: string | null;
  /** Only for payments */
  authedAt: string | null;
  /** When it was paid out */
  confirmedAt: string | null;
  /** When it became final */
  processedAt: string | null;
  /** What was paid out, in major units */
  processedAmount: number | null;
  /** When it was asked for */
  createdAt: string;
  /** When its status last changed */
  updatedAt: string;
}

export interface TransactionMessage {
  /** The status after "transaction."; transaction.new is in the feed alone */
  name: 'transaction.new' | 'transaction.processing' | 'transaction.settled' | 'transaction.rejected' | 'transaction.failed' | 'transaction.returned';
  /** Whose it is */
  merchantId: string;
  data: Transaction;
  /** When it happened */
  postedAt: string;
}

export interface TransactionRow {
  /** The transaction */
  transactionId: string;
  /** In major units */
  amount: number;
  currency: string;
  /** When it was asked for */
  createdAt: string;
  /** The processor's reference number */
  rrn: string | null;
  status: string;
  /** The merchant's own reference */
  orderReference: string | null;
  paymentMethod: string;
  /** Of the card */
  last4: string | null;
}

export interface DistributionMessage {
  name: 'distribution.created' | 'distribution.processing' | 'distribution.completed' | 'distribution.failed';
  data: DistributionDetailResponse;
  merchantId: string;
  postedAt: string;
}

export interface DistributionReturnedMessage {
  name: 'distribution.returned';
  data: {
    id: string;
    orderReference: string;
    /** In minor units */
    amount: number;
    currency: string;
    status: 'returned';
    /** Who is paid */
    recipient: {
      /** As the bank knows it */
      name: string;
      /** Business number (BIN) of a company, or personal number (IIN): 12 digits */
      bin: string;
      /** Small letters and spaces are taken and normalised */
      iban: string;
      /** Of the bank: 8 or 11 characters */
      bic: string;
      /** Residency and sector of the recipient: two digits */
      kbe: string;
      /** Code of the purpose: three digits */
      knp: string;
    };
    paymentPurpose: string;
    /** The distribution, which stays completed */
    distributionId: string;
    /** A code of ISO 20022 */
    returnReason: string | null;
    createdAt: string;
  };
  merchantId: string;
  postedAt: string;
}

/** created → processing → completed or failed. A failed one has given its money back */
export type DistributionStatus = 'created' | 'processing' | 'completed' | 'failed';

export interface DistributionCreatedResponse {
  id: string;
  orderReference: string;
  /** In minor units */
  amount: number;
  currency: string;
  status: DistributionStatus;
  /** Who is paid */
  recipient: {
    /** As the bank knows it */
    name: string;
    /** Business number (BIN) of a company, or personal number (IIN): 12 digits */
    bin: string;
    /** Small letters and spaces are taken and normalised */
    iban: string;
    /** Of the bank: 8 or 11 characters */
    bic: string;
    /** Residency and sector of the recipient: two digits */
    kbe: string;
    /** Code of the purpose: three digits */
    knp: string;
  };
  paymentPurpose: string;
  /** Your balance before this one was taken from it, in minor units; exact, however many arrive at once */
  balanceBefore: number;
  /** And after */
  balanceAfter: number;
  createdAt: string;
  updatedAt: string;
}

export interface DistributionDetailResponse {
  id: string;
  orderReference: string;
  /** In minor units */
  amount: number;
  currency: string;
  status: DistributionStatus;
  /** Who is paid */
  recipient: {
    /** As the bank knows it */
    name: string;
    /** Business number (BIN) of a company, or personal number (IIN): 12 digits */
    bin: string;
    /** Small letters and spaces are taken and normalised */
    iban: string;
    /** Of the bank: 8 or 11 characters */
    bic: string;
    /** Residency and sector of the recipient: two digits */
    kbe: string;
    /** Code of the purpose: three digits */
    knp: string;
  };
  paymentPurpose: string;
  /** Your balance before this one was taken from it, in minor units; exact, however many arrive at once */
  balanceBefore: number;
  /** And after */
  balanceAfter: number;
  createdAt: string;
  updatedAt: string;
  /** Why it failed: a code and words */
  failureReason: string | null;
}

export interface DistributionListItem {
  id: string;
  orderReference: string;
  /** In minor units */
  amount: number;
  currency: string;
  status: DistributionStatus;
  /** Who is paid */
  recipient: {
    /** As the bank knows it */
    name: string;
    /** Business number (BIN) of a company, or personal number (IIN): 12 digits */
    bin: string;
    /** Small letters and spaces are taken and normalised */
    iban: string;
    /** Of the bank: 8 or 11 characters */
    bic: string;
    /** Residency and sector of the recipient: two digits */
    kbe: string;
    /** Code of the purpose: three digits */
    knp: string;
  };
  paymentPurpose: string;
  createdAt: string;
  updatedAt: string;
}

export interface DistributionListResponse {
  data: DistributionListItem[];
  page: number;
  size: number;
  total: number;
}

export interface DistributionBalanceResponse {
  /** In minor units */
  balance: number;
  currency: string;
  updatedAt: string;
}

export interface DistributionFate {
  /** Of the item in the request, from 0 */
  index: number;
  orderReference: string | null;
  /** known: the same distribution was made before, nothing was done */
  result: 'created' | 'known' | 'refused';
  distribution: DistributionCreatedResponse | null;
  error: ErrorBody | null;
}

export interface DistributionBulkResponse {
  total: number;
  created: number;
  known: number;
  refused: number;
  items: DistributionFate[];
}

export interface SettlementPaymentOrder {
  /** The order */
  id: string;
  requestId: string | null;
  /** Whose it is */
  merchantId: string;
  /** Whom it pays */
  beneficiaryId: string;
  /** Whose balance it is taken from */
  source: 'merchant' | 'beneficiary';
  /** In minor units: 150000 is 1500.00 KZT */
  amount: number;
  /** ISO 4217 */
  currency: string;
  /** created until the bank has said: then paid or failed. A failed one has given its money back */
  status: 'created' | 'paid' | 'failed';
  paymentPurpose: string;
  /** That balance before it was taken, in minor units */
  balanceBefore: number;
  /** And after */
  balanceAfter: number;
  /** Why it failed: a code and words */
  failureReason: string | null;
  /** When it was made */
  createdAt: string;
  /** When it last changed */
  updatedAt: string;
  /** When it was known to be paid */
  paidAt: string | null;
}

export interface PaymentOrderMessage {
  /** processing is in the feed alone */
  name: 'payment_order.created' | 'payment_order.processing' | 'payment_order.paid' | 'payment_order.failed' | 'payment_order.returned';
  merchant_id: string;
  data: {
    /** In minor units */
    amount: number;
    status: string;
    currency: string;
    merchant_id: string;
    beneficiary_id: string;
    payment_order_id: string;
    /** Of a return: its own id */
    return_id?: string;
  };
}

export interface PaymentBeneficiary {
  /** The beneficiary */
  id: string;
  /** Whose it is */
  merchantId: string;
  /** An inactive one is given nothing and paid nothing; what it has can still go back to you */
  status: 'active' | 'inactive';
  /** As the bank knows it */
  name: string;
  /** Business number (BIN) of a company, or personal number (IIN): 12 digits */
  bin: string;
  /** Small letters and spaces are taken and normalised */
  iban: string;
  /** Of the bank: 8 or 11 characters */
  bic: string;
  /** Residency and sector of the recipient: two digits. The bank asks for it before it pays */
  kbe: string | null;
  /** Code of the purpose of payments to it: three digits. The bank asks for it before it pays */
  knp: string | null;
  /** Your own words; the purpose of payments that have none */
  description: string | null;
  /** What it has earned and not been paid yet, in minor units */
  balance: number;
  /** ISO 4217 */
  currency: string;
  /** When it was made */
  createdAt: string;
  /** When it last changed */
  updatedAt: string;
}

export interface BeneficiaryTransfer {
  /** The transfer */
  id: string;
  /** From whose balance */
  beneficiaryId: string;
  /** In minor units: 150000 is 1500.00 KZT */
  amount: number;
  /** ISO 4217 */
  currency: string;
  /** Of the beneficiary, in minor units */
  balanceBefore: number;
  balanceAfter: number;
  /** When it was done */
  createdAt: string;
}

export interface SplitRequest {
  /** The split */
  id: string;
  /** Whose it is */
  merchantId: string;
  transactionId: string | null;
  orderReference: string;
  /** created until the payment’s money covers it; then processed, or failed where a beneficiary is inactive or the balance too small */
  status: 'created' | 'processed' | 'failed' | 'deleted';
  /** ISO 4217 */
  currency: string;
  items: {
    /** Who is given it */
    beneficiaryId: string;
    /** In minor units: 150000 is 1500.00 KZT */
    amount?: number;
    /** Of the payment, with at most two decimals */
    percent?: number;
    /** What it was given, in minor units; together exactly the shared part of the payment */
    given: number | null;
  }[];
  failureReason: string | null;
  /** When it was made */
  createdAt: string;
  /** When it last changed */
  updatedAt: string;
}

export interface SplitMessage {
  name: 'split.created' | 'split.processed' | 'split.failed' | 'split.deleted';
  merchantId: string;
  data: SplitRequest;
  postedAt: string;
}

export interface BankInvoice {
  /** The invoice */
  id: string;
  /** A creditor reference (ISO 11649): the payer writes it into the purpose of the payment */
  number: string;
  /** Your own reference */
  orderReference: string;
  /** In minor units: 150000 is 1500.00 KZT */
  amount: number;
  /** ISO 4217 */
  currency: string;
  /** paid when the bank’s statement has the whole amount with the number of the invoice */
  status: 'created' | 'paid' | 'expired' | 'cancelled';
  description: string | null;
  payer: {
    name: string;
    bin: string;
    email: string | null;
  };
  /** Where it is paid to */
  payee: {
    name: string;
    bin: string;
    iban: string;
    bic: string;
    kbe: string;
    knp: string;
  };
  /** What the payer writes, word for word or at least with the number */
  paymentPurpose: string;
  /** A page that shows it to who pays; whoever has the address may see it */
  url: string;
  /** The bank’s name for the payment */
  bankReference: string | null;
  /** Until when it is to be paid */
  expiresAt: string | null;
  /** When it was made */
  createdAt: string;
  /** When it last changed */
  updatedAt: string;
  /** When the statement told of its payment */
  paidAt: string | null;
}

export interface BankInvoiceList {
  data: BankInvoice[];
  page: number;
  size: number;
  total: number;
}

export interface InvoiceMessage {
  name: 'invoice.created' | 'invoice.paid' | 'invoice.expired' | 'invoice.cancelled';
  merchantId: string;
  data: BankInvoice;
  postedAt: string;
}

export interface WalletTransaction {
  walletTransactionId: string;
  /** SUCCESS: the customer has agreed; the amount can be captured */
  walletTransactionStatus: 'NEW' | 'PROCESSING' | 'SUCCESS' | 'FAILED';
  orderReference: string;
  /** In minor units: what was authorised; in the answer to an operation, how much that was of */
  amount: number;
  currency: string;
}

export interface WalletTransactionMessage {
  name: 'wallet_transaction.new' | 'wallet_transaction.processing' | 'wallet_transaction.success' | 'wallet_transaction.failed' | 'wallet_transaction.captured' | 'wallet_transaction.cancelled' | 'wallet_transaction.refunded' | 'wallet_transaction.capture_failed' | 'wallet_transaction.cancel_failed' | 'wallet_transaction.refund_failed';
  merchantId: string;
  data: {
    walletTransactionId: string;
    /** SUCCESS: the customer has agreed; the amount can be captured */
    walletTransactionStatus: 'NEW' | 'PROCESSING' | 'SUCCESS' | 'FAILED';
    orderReference: string;
    /** In minor units: what was authorised; in the answer to an operation, how much that was of */
    amount: number;
    currency: string;
    /** Of the operation that this is about, in minor units */
    operationAmount?: number;
    /** Why it failed */
    errorCode?: string | null;
    errorMessage?: string | null;
  };
  postedAt: string;
}

export interface CardSession {
  /** The session */
  id: string;
  /** saved: with the request. new: somebody has to enter a card on the page; the webhook card.saved tells when it was done */
  status: 'new' | 'saved';
  /** Whose card it is */
  customerId: string;
  /** The page to enter a card on: whoever has the address may, once, within a day */
  url: string | null;
  /** The saved card, where it came with the request */
  cardTokenId: string | null;
  createdAt: string;
  /** Until when the page can be used */
  expiresAt: string | null;
}

export interface CardSavedMessage {
  name: 'card.saved';
  /** Whose it is */
  merchantId: string;
  data: {
    /** What a payout's tokenId is */
    cardTokenId: string;
    /** The network */
    brand: string;
    /** The first six digits */
    bin: string;
    /** The last four digits */
    last4: string;
    expiryMonth: number;
    expiryYear: number;
    /** The customer */
    customerId: string;
    /** Your own id of the customer */
    externalUserId: string | null;
  };
  postedAt: string;
}

export interface CardSaveFailedMessage {
  name: 'card.save_failed';
  /** Whose it is */
  merchantId: string;
  data: {
    /** The session of POST /v1/cards */
    sessionId: string;
    /** Why */
    reason: string;
    /** The customer */
    customerId: string;
    /** Your own id of the customer */
    externalUserId: string | null;
  };
  postedAt: string;
}

export interface Customer {
  /** The customer */
  id: string;
  /** Your own id of the customer */
  externalUserId: string | null;
  /** E-mail address */
  email: string | null;
  /** Telephone number */
  phone: string | null;
  /** First name */
  firstName: string | null;
  /** Last name */
  lastName: string | null;
  /** When it was made */
  createdAt: string;
  /** When it last changed */
  updatedAt: string;
}

export interface SavedCard {
  /** The saved card: what a payout's tokenId is */
  id: string;
  /** Whose it is */
  customerId: string;
  /** The network; unknown where the number does not tell */
  brand: string;
  /** The first six digits */
  bin: string;
  /** The last four digits */
  last4: string;
  expiryMonth: number;
  expiryYear: number;
  /** When it was saved */
  createdAt: string;
}

export interface ApiKey {
  id: string;
  /** key: raw in Authorization. token: after "Bearer ". client: for browsers. */
  kind: string;
  name: string;
  prefix: string;
  last4: string;
  scopes: string[];
  createdAt: string;
  expiresAt: string | null;
  revokedAt: string | null;
  /** Shown once, when it is made */
  secret?: string;
}

export interface Merchant {
  id: string;
  name: string;
  /** Business number */
  bin: string | null;
  mode: 'test' | 'live';
  status: 'active';
  balance: {
    currency: string;
    /** Minor units that may be paid out */
    available: number;
    /** Minor units held for what is on its way */
    pending: number;
  }[];
  stores: {
    data: {
      id: string;
      name: string;
      terminals: {
        id: string;
        name: string;
      }[];
    }[];
  };
  settings: {
    /** Of the oldest endpoint that is enabled */
    webhookUrl: string | null;
    /** What webhooks bring as Bearer; never shown */
    webhookToken: string;
    /** Whether webhooks are signed: always */
    signatureEnabled: boolean;
    /** Whether payments are captured by themselves */
    autoClearing: boolean;
    autoClearingDelayMinutes: number;
    /** In which there has been money */
    currencies: {
      code: string;
      /** Decimals that it has */
      exponent: number;
    }[];
    /** By which payments are taken */
    paymentMethods: string[];
  };
  createdAt: string;
}

export interface WebhookEndpoint {
  /** The endpoint */
  id: string;
  /** https, port 443 or 8443, at a public address */
  url: string;
  description: string;
  /** Types beyond transaction.*, payment_order.* and card.saved, which every endpoint gets */
  events: string[];
  /** Write paymentLinkId, paymentSessionId, cardTokenId and customerId as {"Value": "…"}, as an older version of the API did */
  legacyWrappedIds: boolean;
  enabled: boolean;
  disabledReason: string | null;
  /** Until then, messages carry a signature of the secret before the last roll too */
  previousSecretUntil: string | null;
  /** When it was made */
  createdAt: string;
  /** When it was last changed */
  updatedAt: string;
  /** The signing secret, whsec_…: in the answer to create and roll alone */
  secret?: string;
}

export interface WebhookDelivery {
  /** To which endpoint */
  endpointId: string;
  /** The event: also webhook-id of every attempt */
  eventId: string;
  name: string;
  /** What the event is about */
  objectId: string;
  /** Which of its changes, counted from 1; earlier ones arrive first */
  objectSeq: number;
  /** pending: will be tried. delivered. parked: ten tries have failed, or an earlier event of the object is parked; resend it. disabled: waits for its endpoint to be enabled. */
  state: string;
  tries: number;
  /** When it is tried again */
  nextTryAt: string | null;
  /** When it first arrived */
  deliveredAt: string | null;
  /** When the event was told */
  createdAt: string;
  /** What is sent, byte for byte */
  body: string;
  attempts: {
    try: number;
    /** When it began */
    at: string;
    durationMs: number;
    /** Of the answer; null when there was none */
    status: number | null;
    /** The first kilobyte of the answer */
    answer: string | null;
    /** What was wrong */
    error: string | null;
  }[];
}

export interface FeedEvent {
  /** The event: webhook-id, where it was delivered */
  id: string;
  name: string;
  /** What it is about */
  objectId: string;
  /** Which of its changes, counted from 1 */
  objectSeq: number;
  /** When it happened */
  createdAt: string;
  /** What a webhook carries */
  body: Record<string, unknown>;
}

export interface Operations {
  /** Delete a split request. While it is `created`. It stays to be read, as `deleted`. */
  'DELETE /v1/merchants/split-requests/{id}': {
    path: {
      /** The split */
      id: string;
    };
    answer: void;
  };
  /** List keys. */
  'GET /v1/api-keys': {
    answer: {
      data: ApiKey[];
    };
  };
  /** List bank invoices. Newest first. */
  'GET /v1/bank-invoices': {
    query?: {
      page?: number;
      size?: number;
      /** paid when the bank’s statement has the whole amount with the number of the invoice */
      status?: 'created' | 'paid' | 'expired' | 'cancelled';
      /** Your own reference */
      orderReference?: string;
    };
    answer: BankInvoiceList;
  };
  /** Get a bank invoice by its id. */
  'GET /v1/bank-invoices/{id}': {
    path: {
      /** The invoice */
      id: string;
    };
    answer: BankInvoice;
  };
  /** List customers. Newest first. */
  'GET /v1/customers': {
    query?: {
      page?: number;
      size?: number;
    };
    answer: {
      data: Customer[];
      page: number;
      size: number;
      total: number;
    };
  };
  /** Get a customer by its id. */
  'GET /v1/customers/{id}': {
    path: {
      /** The customer */
      id: string;
    };
    answer: Customer;
  };
  /** Get a customer's card tokens. Oldest first. */
  'GET /v1/customers/{id}/cards': {
    path: {
      /** The customer */
      id: string;
    };
    answer: {
      data: SavedCard[];
    };
  };
  /** Get a customer's transactions. Newest first. */
  'GET /v1/customers/{id}/transactions': {
    path: {
      /** The customer */
      id: string;
    };
    query?: {
      page?: number;
      size?: number;
    };
    answer: {
      data: TransactionRow[];
      page: number;
      size: number;
      total: number;
    };
  };
  /** List distributions. Newest first. */
  'GET /v1/distributions': {
    query?: {
      page?: number;
      size?: number;
      status?: 'created' | 'processing' | 'completed' | 'failed';
      orderReference?: string;
    };
    answer: DistributionListResponse;
  };
  /** Get distributions balance. What distributions and payouts may be taken from now. */
  'GET /v1/distributions/balance': {
    query?: {
      /** KZT where nothing is said */
      currency?: string;
    };
    answer: DistributionBalanceResponse;
  };
  /** Get distribution by ID. */
  'GET /v1/distributions/{id}': {
    path: {
      id: string;
    };
    answer: DistributionDetailResponse;
  };
  /** Read the feed. Every event from the first on, in the order in which it happened, without gaps: whoever keeps `next` and comes back with it misses nothing, whatever became of webhooks. */
  'GET /v1/events': {
    query?: {
      /** `next` of the answer before; from the first event where nothing is said */
      after?: string;
      limit?: number;
    };
    answer: {
      data: FeedEvent[];
      next: string;
      hasMore: boolean;
    };
  };
  /** Find an event. */
  'GET /v1/events/{id}': {
    path: {
      /** webhook-id, where it was delivered */
      id: string;
    };
    answer: FeedEvent;
  };
  /** Get keys. The key that card data is encrypted to before it is sent. It may change: ask for it anew each day. */
  'GET /v1/keys': {
    answer: {
      id: string;
      /** SPKI, PEM */
      publicKey: string;
      /** RSA-OAEP with SHA-256, also in its mask; nothing else is accepted */
      algorithm: 'RSA-OAEP-256';
      keyType: 'RSA';
      expiresAt: null;
    };
  };
  /** Retrieve the merchant's details. */
  'GET /v1/merchants/me': {
    answer: Merchant;
  };
  /** List beneficiaries. Newest first. */
  'GET /v1/merchants/payment-beneficiaries': {
    query?: {
      page?: number;
      size?: number;
      status?: 'active' | 'inactive';
    };
    answer: {
      data: PaymentBeneficiary[];
      page: number;
      size: number;
      total: number;
    };
  };
  /** Get a beneficiary by its id. With its balance. */
  'GET /v1/merchants/payment-beneficiaries/{id}': {
    path: {
      /** The beneficiary */
      id: string;
    };
    answer: PaymentBeneficiary;
  };
  /** List settlement orders. Newest first; manual settlements among them. */
  'GET /v1/merchants/settlement-payment-orders': {
    query?: {
      page?: number;
      size?: number;
      /** created until the bank has said: then paid or failed. A failed one has given its money back */
      status?: 'created' | 'paid' | 'failed';
      beneficiaryId?: string;
    };
    answer: {
      data: SettlementPaymentOrder[];
      page: number;
      size: number;
      total: number;
    };
  };
  /** Get a settlement order by its id. */
  'GET /v1/merchants/settlement-payment-orders/{id}': {
    path: {
      id: string;
    };
    answer: SettlementPaymentOrder;
  };
  /** List split requests. Newest first. */
  'GET /v1/merchants/split-requests': {
    query?: {
      page?: number;
      size?: number;
      /** created until the payment’s money covers it; then processed, or failed where a beneficiary is inactive or the balance too small */
      status?: 'created' | 'processed' | 'failed' | 'deleted';
      /** Shares what comes in for this order */
      orderReference?: string;
    };
    answer: {
      data: SplitRequest[];
      page: number;
      size: number;
      total: number;
    };
  };
  /** Get a split request by its id. */
  'GET /v1/merchants/split-requests/{id}': {
    path: {
      /** The split */
      id: string;
    };
    answer: SplitRequest;
  };
  /** Retrieve a merchant by its id. The merchant of the key, and no other. */
  'GET /v1/merchants/{id}': {
    path: {
      id: string;
    };
    answer: Merchant;
  };
  /** Retrieve payout transactions. Newest first. */
  'GET /v1/payout': {
    query?: {
      page?: number;
      size?: number;
      status?: 'new' | 'processing' | 'settled' | 'rejected' | 'failed';
      /** Asked for at this moment or later */
      from?: string;
      /** Asked for before this moment */
      to?: string;
    };
    answer: {
      data: Transaction[];
      page: number;
      size: number;
      total: number;
    };
  };
  /** List transactions. All transactions of the merchant, newest first. */
  'GET /v1/transactions': {
    query?: {
      page?: number;
      size?: number;
    };
    answer: {
      data: TransactionRow[];
      page: number;
      size: number;
      total: number;
    };
  };
  /** Find a transaction by the merchant's reference. The newest one, where several have it. */
  'GET /v1/transactions/by-order-reference/{reference}': {
    path: {
      reference: string;
    };
    answer: Transaction;
  };
  /** Find a transaction by its id. */
  'GET /v1/transactions/{id}': {
    path: {
      /** The transaction */
      id: string;
    };
    answer: Transaction;
  };
  /** Find a transaction's history. Every change of its status, oldest first. */
  'GET /v1/transactions/{id}/history': {
    path: {
      /** The transaction */
      id: string;
    };
    answer: {
      /** The transaction */
      transactionId: string;
      /** Oldest first */
      events: {
        /** The event */
        id: string;
        name: string;
        /** When it happened */
        createdAt: string;
        data: {
          status: string;
          amount: number;
          currency: string;
          balance: number | null;
          errorCode: string | null;
          errorMessage: string | null;
        };
      }[];
    };
  };
  /** Get a wallet transaction. */
  'GET /v1/wallet/transaction/{id}': {
    path: {
      /** The wallet transaction, wt_… */
      id: string;
    };
    answer: WalletTransaction;
  };
  /** List wallet transactions. Newest first. */
  'GET /v1/wallet/transactions/': {
    query?: {
      limit?: number;
      /** `nextCursor` of the page before, with the same filters */
      cursor?: string;
      orderReference?: string;
      status?: 'NEW' | 'PROCESSING' | 'SUCCESS' | 'FAILED';
    };
    answer: {
      items: WalletTransaction[];
      nextCursor: string | null;
    };
  };
  /** List endpoints. */
  'GET /v1/webhook-endpoints': {
    answer: {
      data: WebhookEndpoint[];
    };
  };
  /** List deliveries. Newest event first, with every attempt and what was answered. */
  'GET /v1/webhook-endpoints/deliveries': {
    query?: {
      endpointId?: string;
      eventId?: string;
      /** A transaction, for example */
      objectId?: string;
      state?: 'pending' | 'delivered' | 'parked' | 'disabled';
      /** `next` of the page before */
      after?: string;
      limit?: number;
    };
    answer: {
      data: WebhookDelivery[];
      next: string | null;
    };
  };
  /** Find an endpoint. */
  'GET /v1/webhook-endpoints/{id}': {
    path: {
      /** The endpoint */
      id: string;
    };
    answer: WebhookEndpoint;
  };
  /** Update a beneficiary. What is not said stays as it is. Orders that were made before go where they were to go. */
  'PATCH /v1/merchants/payment-beneficiaries/{id}': {
    path: {
      /** The beneficiary */
      id: string;
    };
    body: {
      /** As the bank knows it */
      name?: string;
      /** Business number (BIN) of a company, or personal number (IIN): 12 digits */
      bin?: string;
      /** Small letters and spaces are taken and normalised */
      iban?: string;
      /** Of the bank: 8 or 11 characters */
      bic?: string;
      /** Residency and sector of the recipient: two digits. The bank asks for it before it pays */
      kbe?: string;
      /** Code of the purpose of payments to it: three digits. The bank asks for it before it pays */
      knp?: string;
      /** Your own words; the purpose of payments that have none */
      description?: string;
      /** An inactive one is given nothing and paid nothing; what it has can still go back to you */
      status?: 'active' | 'inactive';
    };
    answer: PaymentBeneficiary;
  };
  /** Update a split request. Other shares, while it is `created`. */
  'PATCH /v1/merchants/split-requests/{id}': {
    path: {
      /** The split */
      id: string;
    };
    body: {
      /** Each beneficiary once */
      items: {
        /** Who is given it */
        beneficiaryId: string;
        /** In minor units: 150000 is 1500.00 KZT */
        amount?: number;
        /** Of the payment, with at most two decimals */
        percent?: number;
      }[];
    };
    answer: SplitRequest;
  };
  /** Change an endpoint. What is given is changed. What is still to be delivered goes to the new URL. */
  'PATCH /v1/webhook-endpoints/{id}': {
    path: {
      /** The endpoint */
      id: string;
    };
    body: {
      /** https, port 443 or 8443, at a public address */
      url?: string;
      description?: string;
      /** Types beyond transaction.*, payment_order.* and card.saved, which every endpoint gets */
      events?: string[];
      /** Write paymentLinkId, paymentSessionId, cardTokenId and customerId as {"Value": "…"}, as an older version of the API did */
      legacyWrappedIds?: boolean;
      /** Enabled again, it gets what was waiting when it was disabled, in order */
      enabled?: boolean;
    };
    answer: WebhookEndpoint;
  };
  /** Create a key. The secret is in this answer and nowhere else. */
  'POST /v1/api-keys': {
    body: {
      kind?: 'key' | 'token';
      name?: string;
      /** What the key may do; no more than the key that makes it */
      scopes: ('payouts' | 'wallet' | 'read' | 'cards' | 'customers' | 'webhooks' | 'keys' | 'sandbox')[];
      expiresInSeconds?: number;
    };
    answer: ApiKey;
  };
  /** Revoke a key. It stops working within a second, in every process. */
  'POST /v1/api-keys/{id}/revoke': {
    path: {
      /** The key */
      id: string;
    };
    answer: ApiKey;
  };
  /** Roll a key. Makes a new key with the same scopes; the old one works on for the overlap. */
  'POST /v1/api-keys/{id}/roll': {
    path: {
      /** The key */
      id: string;
    };
    body: {
      /** For how long the old key still works */
      overlapSeconds?: number;
    };
    answer: ApiKey;
  };
  /** Create a bank invoice. A bill that a company pays by bank transfer. It is paid, and the money in your balance, when the bank’s statement tells of the amount with its number. */
  'POST /v1/bank-invoices': {
    body: {
      /** Your own reference */
      orderReference: string;
      /** In minor units: 150000 is 1500.00 KZT */
      amount: number;
      /** ISO 4217 */
      currency: string;
      /** What it is for, shown to who pays */
      description?: string;
      payer: {
        /** The company that pays */
        name: string;
        /** Its business number (BIN), or a personal number (IIN): 12 digits */
        bin: string;
        /** For you; nothing is sent there */
        email?: string;
      };
      /** Code of the purpose of the payment: three digits */
      knp?: string;
      /** Later than this it is expired; money that arrives even so is taken */
      expiresAt?: string;
    };
    answer: BankInvoice;
  };
  /** Cancel a bank invoice. While it is `created`. Money that arrives for it afterwards is kept for a person to look at. */
  'POST /v1/bank-invoices/{id}/cancel': {
    path: {
      /** The invoice */
      id: string;
    };
    answer: BankInvoice;
  };
  /** Save a card for payouts. Nothing is charged and no bank is asked. With `cardData` the card is saved at once. Without it, the answer has the address of a page to enter the card on. Either way the webhook `card.saved` brings the `cardTokenId`. */
  'POST /v1/cards': {
    body: {
      /** Whose card it is: found by externalUserId, or else by email, or made */
      customer?: {
        /** Your own id of the customer: one that is known is found by it */
        externalUserId?: string | null;
        /** Where there is no externalUserId, the customer is found by it */
        email?: string | null;
        /** With the country code */
        phone?: string | null;
        /** As you know it */
        firstName?: string | null;
        /** As you know it */
        lastName?: string | null;
      } | null;
      /** A customer that is known, instead */
      customerId?: string | null;
      cardData?: {
        /** The digits of the card number, encrypted with RSA-OAEP and SHA-256 to the key of GET /v1/keys, in base64 */
        encryptedCardNumber: string;
        /** The month, 1 to 12, encrypted with RSA-OAEP and SHA-256 to the key of GET /v1/keys, in base64 */
        encryptedExpiryMonth: string;
        /** The year, with two or four digits, encrypted with RSA-OAEP and SHA-256 to the key of GET /v1/keys, in base64 */
        encryptedExpiryYear: string;
        /** Not needed for payouts: it is neither decrypted nor stored */
        encryptedCvv?: string;
        /** The name on the card, encrypted with RSA-OAEP and SHA-256 to the key of GET /v1/keys, in base64 */
        encryptedCardholderName?: string;
      } | null;
      /** Where the page leads when the card has been saved, exactly as given. https, or http on localhost */
      successUrl?: string | null;
      /** Where the page leads who does not want to save a card. https, or http on localhost */
      failureUrl?: string | null;
    };
    answer: CardSession;
  };
  /** Create a customer. One whose externalUserId is known, or without one whose email is, gets what is new in the request, and the answer is 200. */
  'POST /v1/customers': {
    body: {
      /** Your own id of the customer: one that is known is found by it */
      externalUserId?: string | null;
      /** Where there is no externalUserId, the customer is found by it */
      email?: string | null;
      /** With the country code */
      phone?: string | null;
      /** As you know it */
      firstName?: string | null;
      /** As you know it */
      lastName?: string | null;
    };
    answer: Customer;
  };
  /** Create distribution. Sends money from the balance to a bank account. The amount is taken from the balance at once: `balanceBefore` and `balanceAfter` are exact for each distribution, however many arrive at the same moment. What the bank refuses is given back. */
  'POST /v1/distributions': {
    body: {
      /** Your own reference: one distribution for each, for ever */
      orderReference: string;
      /** In minor units: 150000 is 1500.00 KZT */
      amount: number;
      /** ISO 4217 */
      currency: string;
      /** Who is paid */
      recipient: {
        /** As the bank knows it */
        name: string;
        /** Business number (BIN) of a company, or personal number (IIN): 12 digits */
        bin: string;
        /** Small letters and spaces are taken and normalised */
        iban: string;
        /** Of the bank: 8 or 11 characters */
        bic: string;
        /** Residency and sector of the recipient: two digits */
        kbe: string;
        /** Code of the purpose: three digits */
        knp: string;
      };
      /** What it is for, as the payment order says */
      paymentPurpose: string;
    };
    answer: DistributionCreatedResponse;
  };
  /** Create distributions. Up to 500 at once, each with its own fate: what is wrong with one does not stop the others. One that was made before with the same orderReference and the same content is `known` and not paid again. */
  'POST /v1/distributions/bulk': {
    body: {
      /** Each as in the request of one distribution, and with its own fate */
      items: Record<string, unknown>[];
    };
    answer: DistributionBulkResponse;
  };
  /** Create a beneficiary. A partner with a bank account, and with a balance of its own here: splits fill it, settlements pay it out. */
  'POST /v1/merchants/payment-beneficiaries': {
    body: {
      /** As the bank knows it */
      name: string;
      /** Business number (BIN) of a company, or personal number (IIN): 12 digits */
      bin: string;
      /** Small letters and spaces are taken and normalised */
      iban: string;
      /** Of the bank: 8 or 11 characters */
      bic: string;
      /** Residency and sector of the recipient: two digits. The bank asks for it before it pays */
      kbe?: string;
      /** Code of the purpose of payments to it: three digits. The bank asks for it before it pays */
      knp?: string;
      /** Your own words; the purpose of payments that have none */
      description?: string;
      /** ISO 4217 */
      currency?: string;
    };
    answer: PaymentBeneficiary;
  };
  /** Create a manual settlement for a beneficiary. Pays a beneficiary’s bank account what it has earned: from its own balance. It is a settlement order, too. */
  'POST /v1/merchants/payment-beneficiaries/{id}/settlements': {
    path: {
      id: string;
    };
    body: {
      /** In minor units: 150000 is 1500.00 KZT */
      amount: number;
      /** ISO 4217 */
      currency: string;
      /** Your own name for it: asked again under the same one it is not done again */
      requestId?: string;
      /** What it is for, as the payment order says */
      paymentPurpose?: string;
    };
    answer: SettlementPaymentOrder;
  };
  /** Transfer from a beneficiary's balance to the merchant's. What was given to a beneficiary, and not been paid to it, goes back to your own balance. */
  'POST /v1/merchants/payment-beneficiaries/{id}/transfer': {
    path: {
      /** The beneficiary */
      id: string;
    };
    body: {
      /** In minor units: 150000 is 1500.00 KZT */
      amount: number;
      /** ISO 4217 */
      currency: string;
      /** Your own name for it: asked again under the same one it is not done again */
      requestId?: string;
    };
    answer: BeneficiaryTransfer;
  };
  /** Create a settlement order. Pays a beneficiary’s bank account from your balance. A requestId stands for one order, for ever. */
  'POST /v1/merchants/settlement-payment-orders': {
    body: {
      /** Your own name for it: asked again under the same one it is not done again */
      requestId: string;
      /** Whom it pays */
      beneficiaryId: string;
      /** In minor units: 150000 is 1500.00 KZT */
      amount: number;
      /** ISO 4217 */
      currency: string;
      /** What it is for, as the payment order says */
      paymentPurpose?: string;
    };
    answer: SettlementPaymentOrder;
  };
  /** Create a split request. Gives beneficiaries their shares of a payment, before or after it: as soon as what came in covers them, in the transaction that brings it. Shares by percent are cut to the minor unit and the rest goes to the largest remainders, so 100 percent is all of it. */
  'POST /v1/merchants/split-requests': {
    body: {
      /** Shares what this payment brings */
      transactionId?: string;
      /** Shares what comes in for this order */
      orderReference?: string;
      /** ISO 4217 */
      currency?: string;
      /** Each beneficiary once */
      items: {
        /** Who is given it */
        beneficiaryId: string;
        /** In minor units: 150000 is 1500.00 KZT */
        amount?: number;
        /** Of the payment, with at most two decimals */
        percent?: number;
      }[];
    };
    answer: SplitRequest;
  };
  /** Process a payout. Pays a saved card from the balance. The amount and the fee are held at once. What the balance, a limit or the card does not allow is made and `rejected`, with `errorCode`; nothing is debited then. Webhooks tell of `processing` and of the final status. */
  'POST /v1/payout': {
    body: {
      /** The saved card: cardTokenId of the webhook card.saved */
      tokenId: string;
      /** In major units, with at most the decimals of the currency: 100.05 is one hundred tenge and five tiyn */
      amount: number;
      /** ISO 4217; KZT where nothing is said */
      currency?: string;
      /** What it is for */
      description?: string | null;
      /** Your own reference; need not be unique */
      merchantReference?: string | null;
      /** The same reference, by its other name */
      orderReference?: string | null;
      /** An Idempotency-Key in the body, for clients that cannot send the header */
      requestId?: string | null;
    };
    answer: Transaction;
  };
  /** Pay a bank invoice. Test merchants only: somebody pays it at the sandbox bank, whose next statement tells of it. Each call is a payment, but for one that is repeated under its key. */
  'POST /v1/sandbox/bank-invoices/{id}/pay': {
    path: {
      /** The invoice */
      id: string;
    };
    body?: {
      /** In minor units; that of the invoice where nothing is said */
      amount?: number;
      /** What the payer writes; that of the invoice where nothing is said */
      purpose?: string;
    };
    answer: {
      status: 'booked';
    };
  };
  /** Advance the platform's clock. Only on a platform without live merchants: what is due by then becomes due now. */
  'POST /v1/sandbox/clock': {
    body: {
      advanceSeconds: number;
    };
    answer: {
      now: string;
    };
  };
  /** Top up the balance. Test merchants only. */
  'POST /v1/sandbox/topup': {
    body: {
      /** In minor units: 150000 is 1500.00 KZT */
      amount: number;
      currency: string;
    };
    answer: {
      id: string;
      amount: number;
      currency: string;
      /** Minor units, afterwards */
      available: number;
      createdAt: string;
    };
  };
  /** Authorize a wallet payment. Asks a customer for consent to pay from the wallet. The answer is NEW; poll the transaction, or hear of wallet_transaction.* by webhook, until it is SUCCESS or FAILED. What is not captured within seven days of SUCCESS is let go. */
  'POST /v1/wallet/authorize': {
    body: {
      /** In minor units: 123456 is 1,234.56 KZT */
      amount: number;
      /** The customer's; Kazakhstan's where no country is said */
      phoneNumber: string;
      /** The customer's personal number, 12 digits; of live merchants' customers the check digit is verified */
      iin: string;
      /** Your own reference; best unique */
      orderReference: string;
      /** ISO 4217 */
      currency: string;
    };
    answer: WalletTransaction;
  };
  /** Cancel a wallet payment. Lets go of what was not captured, or of a part of it. The amount counts from the answer on; wallet_transaction.* tells when it was carried out, or that the processor declined it. */
  'POST /v1/wallet/{id}/cancel': {
    path: {
      /** The wallet transaction, wt_… */
      id: string;
    };
    body: {
      /** How much of it, in minor units */
      amount: number;
      /** Without an Idempotency-Key the same amount within ten minutes is taken for a repetition and refused; true says that it is none */
      allowDuplicate?: boolean;
    };
    answer: WalletTransaction;
  };
  /** Capture a wallet payment. Takes the amount, or a part of it; as often as something remains. The balance grows when the processor has carried it out. The amount counts from the answer on; wallet_transaction.* tells when it was carried out, or that the processor declined it. */
  'POST /v1/wallet/{id}/capture': {
    path: {
      /** The wallet transaction, wt_… */
      id: string;
    };
    body: {
      /** How much of it, in minor units */
      amount: number;
      /** Without an Idempotency-Key the same amount within ten minutes is taken for a repetition and refused; true says that it is none */
      allowDuplicate?: boolean;
    };
    answer: WalletTransaction;
  };
  /** Refund a wallet payment. Gives back what was captured, or a part of it, from the balance. The amount counts from the answer on; wallet_transaction.* tells when it was carried out, or that the processor declined it. */
  'POST /v1/wallet/{id}/refund': {
    path: {
      /** The wallet transaction, wt_… */
      id: string;
    };
    body: {
      /** How much of it, in minor units */
      amount: number;
      /** Without an Idempotency-Key the same amount within ten minutes is taken for a repetition and refused; true says that it is none */
      allowDuplicate?: boolean;
    };
    answer: WalletTransaction;
  };
  /** Create an endpoint. It hears of transaction.* and card.saved, and of what else it asks for. Messages are signed (Standard Webhooks) with the secret in this answer, which is shown here alone. */
  'POST /v1/webhook-endpoints': {
    body: {
      /** https, port 443 or 8443, at a public address */
      url: string;
      description?: string;
      /** Types beyond transaction.*, payment_order.* and card.saved, which every endpoint gets */
      events?: string[];
      /** Write paymentLinkId, paymentSessionId, cardTokenId and customerId as {"Value": "…"}, as an older version of the API did */
      legacyWrappedIds?: boolean;
    };
    answer: WebhookEndpoint;
  };
  /** Resend a delivery. Whatever its state, with the same id and body. Earlier events of the same object that have not arrived go first. */
  'POST /v1/webhook-endpoints/{id}/deliveries/{eventId}/resend': {
    path: {
      /** The endpoint */
      id: string;
      eventId: string;
    };
    answer: {
      /** Deliveries that will be tried now */
      opened: number;
    };
  };
  /** Disable an endpoint. Nothing more is sent. What is pending waits until it is enabled; events that happen meanwhile are in the feed alone, and can be replayed. */
  'POST /v1/webhook-endpoints/{id}/disable': {
    path: {
      /** The endpoint */
      id: string;
    };
    answer: WebhookEndpoint;
  };
  /** Enable an endpoint. It gets what was waiting when it was disabled, in order. */
  'POST /v1/webhook-endpoints/{id}/enable': {
    path: {
      /** The endpoint */
      id: string;
    };
    answer: WebhookEndpoint;
  };
  /** Replay a span of time. Sends again what did not arrive, and on request also what did; to a newer endpoint, also events from before it was made. Order is kept for each object. Long spans take several calls: pass `next` as `after`. */
  'POST /v1/webhook-endpoints/{id}/replay': {
    path: {
      /** The endpoint */
      id: string;
    };
    body: {
      /** Events of this moment and later */
      from: string;
      /** Events before this moment; now, where nothing is said */
      to?: string;
      /** Also those that have arrived already */
      includeDelivered?: boolean;
      /** `next` of the answer before: goes on with the same span */
      after?: string;
    };
    answer: {
      /** Deliveries that will be tried now */
      opened: number;
      next: string | null;
    };
  };
  /** Roll an endpoint's secret. The new secret is in this answer alone. For the overlap, messages carry signatures of both. */
  'POST /v1/webhook-endpoints/{id}/roll-secret': {
    path: {
      /** The endpoint */
      id: string;
    };
    body?: {
      /** For how long the old secret signs too */
      overlapSeconds?: number;
    };
    answer: WebhookEndpoint;
  };
  /** Send a test. An event webhook.test, to this endpoint alone; watch it in the list of deliveries. */
  'POST /v1/webhook-endpoints/{id}/test': {
    path: {
      /** The endpoint */
      id: string;
    };
    answer: {
      eventId: string;
    };
  };
}

/** Operations that take an Idempotency-Key: asked again under the same one, they are not done again. */
export const keyed: ReadonlySet<string> = new Set<keyof Operations>([
  'POST /v1/api-keys',
  'POST /v1/api-keys/{id}/revoke',
  'POST /v1/api-keys/{id}/roll',
  'POST /v1/bank-invoices',
  'POST /v1/bank-invoices/{id}/cancel',
  'POST /v1/cards',
  'POST /v1/customers',
  'POST /v1/distributions',
  'POST /v1/distributions/bulk',
  'POST /v1/merchants/payment-beneficiaries',
  'POST /v1/merchants/payment-beneficiaries/{id}/settlements',
  'POST /v1/merchants/payment-beneficiaries/{id}/transfer',
  'POST /v1/merchants/settlement-payment-orders',
  'POST /v1/merchants/split-requests',
  'POST /v1/payout',
  'POST /v1/sandbox/bank-invoices/{id}/pay',
  'POST /v1/sandbox/clock',
  'POST /v1/sandbox/topup',
  'POST /v1/wallet/authorize',
  'POST /v1/wallet/{id}/cancel',
  'POST /v1/wallet/{id}/capture',
  'POST /v1/wallet/{id}/refund',
  'POST /v1/webhook-endpoints',
  'POST /v1/webhook-endpoints/{id}/deliveries/{eventId}/resend',
  'POST /v1/webhook-endpoints/{id}/disable',
  'POST /v1/webhook-endpoints/{id}/enable',
  'POST /v1/webhook-endpoints/{id}/replay',
  'POST /v1/webhook-endpoints/{id}/roll-secret',
  'POST /v1/webhook-endpoints/{id}/test',
]);

/** The code of an error, and the words that its message begins with. */
export const errorCodes = {
  1: 'service unavailable',
  2: 'something went wrong',
  3: 'invalid request params',
  4: 'not found',
  5: 'unprocessable entity',
  6: 'unauthorized',
  7: 'forbidden',
  8: 'conflict',
  9: 'too many requests',
} as const;
