import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** What an operator watches, in Prometheus' words. No label can hold a merchant's data. */
export class Metrics {
  readonly registry = new Registry();
  private readonly answers = new Counter({
    name: 'tolem_http_answers_total',
    help: 'Answers of the API',
    labelNames: ['route', 'status'],
    registers: [this.registry],
  });
  private readonly seconds = new Histogram({
    name: 'tolem_http_answer_seconds',
    help: 'Time to answer',
    labelNames: ['route'],
    buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers: [this.registry],
  });
  private readonly groups = new Histogram({
    name: 'tolem_group_size',
    help: 'Requests committed together',
    labelNames: ['kind'],
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    registers: [this.registry],
  });
  private readonly verdicts = new Counter({
    name: 'tolem_processor_answers_total',
    help: 'What the processor said, by kind',
    labelNames: ['kind'],
    registers: [this.registry],
  });
  private readonly attempts = new Counter({
    name: 'tolem_webhook_attempts_total',
    help: 'Attempts to deliver a webhook, by what came of them',
    labelNames: ['outcome'],
    registers: [this.registry],
  });
  readonly unknown = new Gauge({ name: 'tolem_payouts_unknown', help: 'Payouts whose outcome nobody knows', registers: [this.registry] });
  readonly unknownAge = new Gauge({ name: 'tolem_payouts_unknown_oldest_seconds', help: 'Age of the oldest of them', registers: [this.registry] });
  readonly deliveryLag = new Gauge({
    name: 'tolem_deliveries_oldest_due_seconds',
    help: 'For how long the oldest webhook has been due',
    registers: [this.registry],
  });
  readonly breaker = new Gauge({
    name: 'tolem_processor_breaker_open',
    help: '1 while the processor does not answer and payouts wait',
    registers: [this.registry],
  });

  /** The process's own figures (memory, CPU, event loop) are collected only where somebody asks for them. */
  collectProcess(): void {
    collectDefaultMetrics({ register: this.registry });
  }
  answer(route: string, status: number, seconds: number): void {
    this.answers.inc({ route, status });
    this.seconds.observe({ route }, seconds);
  }
  group(kind: 'accept' | 'resolve', size: number): void {
    this.groups.observe({ kind }, size);
  }
  attempt(outcome: 'accepted' | 'refused' | 'unanswered'): void {
    this.attempts.inc({ outcome });
  }
  verdict(kind: string): void {
    this.verdicts.inc({ kind });
  }
}
