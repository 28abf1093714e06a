// What a platform writes in Node: sellers, a destination charge, a direct charge, a charge that is transferred, money
// back, a payout of a seller, its balance. Each answer is printed as one line of JSON, held against the contract.
import Stripe from "stripe";

const [host, port, key] = process.argv.slice(2);
const stripe = new Stripe(key, { host, port, protocol: "http", maxNetworkRetries: 0 });
const show = (object) => (console.log(JSON.stringify(object)), object);
const expect = (condition, what) => {
  if (!condition) throw new Error(`expected ${what}`);
};

const open = (name) =>
  stripe.accounts.create({
    type: "custom",
    country: "US",
    capabilities: { card_payments: { requested: true }, transfers: { requested: true } },
    business_type: "individual",
    business_profile: { mcc: "5734", url: `https://${name}.example` },
    individual: {
      first_name: name,
      last_name: "Example",
      email: `${name}@example.com`,
      phone: "+15125550100",
      dob: { day: 1, month: 1, year: 1902 },
      address: { line1: "address_full_match", city: "Austin", state: "TX", postal_code: "78701" },
      ssn_last_4: "0000",
    },
    external_account: {
      object: "bank_account",
      country: "US",
      currency: "usd",
      routing_number: "110000000",
      account_number: "000123456789",
    },
    tos_acceptance: { date: 1700000000, ip: "203.0.113.7" },
  });

const ada = show(await open("ada"));
expect(ada.charges_enabled && ada.payouts_enabled, "a complete account");
const as = { stripeAccount: ada.id };
const sale = { currency: "usd", payment_method: "pm_card_bypassPending", confirm: true, payment_method_types: ["card"] };

const destination = show(
  await stripe.paymentIntents.create({
    ...sale,
    amount: 10000,
    application_fee_amount: 1000,
    transfer_data: { destination: ada.id },
    expand: ["latest_charge"],
  }),
);
const transfer = show(await stripe.transfers.retrieve(destination.latest_charge.transfer));
expect(transfer.amount === 10000 && transfer.destination === ada.id, "the transfer of a destination charge");

const direct = show(
  await stripe.paymentIntents.create({ ...sale, amount: 5000, application_fee_amount: 500 }, as),
);
const fees = show(await stripe.applicationFees.list({ limit: 10 }));
expect(fees.data.map((fee) => fee.amount).join() === "500,1000", `both application fees, not ${fees.data.length}`);

const own = show(await stripe.paymentIntents.create({ ...sale, amount: 8000, transfer_group: "order-1" }));
const shared = show(
  await stripe.transfers.create({
    amount: 3000,
    currency: "usd",
    destination: ada.id,
    source_transaction: own.latest_charge,
  }),
);
expect(show(await stripe.transfers.createReversal(shared.id, { amount: 1000 })).amount === 1000, "a reversal");

const back = { amount: 2500, reverse_transfer: true, refund_application_fee: true };
show(await stripe.refunds.create({ payment_intent: destination.id, ...back }));
const fee = show(await stripe.applicationFees.retrieve(destination.latest_charge.application_fee));
expect(fee.amount_refunded === 250, "a quarter of the fee given back");
show(await stripe.refunds.create({ payment_intent: direct.id, amount: 1000, refund_application_fee: true }, as));

const balance = show(await stripe.balance.retrieve({}, as));
const available = balance.available.find((one) => one.currency === "usd").amount;
expect(available > 0, "money that the seller can have");
const payout = show(await stripe.payouts.create({ amount: available, currency: "usd" }, as));
expect(payout.status === "pending" && payout.amount === available, "a payout");
show(await stripe.balanceTransactions.list({ limit: 20 }, as));
show(await stripe.accounts.list({ limit: 3 }));
console.error("done");
