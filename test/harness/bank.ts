import type { CancelOutcome, Connector, InquiryOutcome, ProcessorLimits, SendOutcome, Transfer } from '../../src/connectors/connector.ts';

type Script = {
  send?: (transfer: Transfer) => SendOutcome | Promise<SendOutcome>;
  inquire?: (reference: string) => InquiryOutcome;
  cancel?: (reference: string) => CancelOutcome;
};

/** A processor that does as a test tells it; where nothing is told, it executes what it is sent and remembers it. */
export class ScriptedBank implements Connector {
  readonly name = 'processor';
  script: Script = {};
  readonly sent: Transfer[] = [];
  readonly asked: string[] = [];
  known: ProcessorLimits = { retentionSeconds: 86_400, maxInFlightSeconds: 30 };
  private readonly executed = new Map<string, SendOutcome>();

  limits(): ProcessorLimits {
    return this.known;
  }

  async send(transfer: Transfer): Promise<SendOutcome> {
    this.sent.push(transfer);
    const scripted = await this.script.send?.(transfer);
    if (scripted) return scripted;
    return this.execute(transfer.reference);
  }

  /** Executes a reference once, whatever the house is told of it. */
  execute(reference: string): SendOutcome {
    const outcome = this.executed.get(reference) ?? { kind: 'executed', rrn: String(600_000_000_000 + this.executed.size), executedAt: null };
    this.executed.set(reference, outcome);
    return outcome;
  }

  async inquire(reference: string): Promise<InquiryOutcome> {
    this.asked.push(reference);
    return this.script.inquire?.(reference) ?? (this.executed.get(reference) as InquiryOutcome | undefined) ?? { kind: 'absent' };
  }

  async cancel(reference: string): Promise<CancelOutcome> {
    return this.script.cancel?.(reference) ?? (this.executed.get(reference) as CancelOutcome | undefined) ?? { kind: 'cancelled' };
  }
}
