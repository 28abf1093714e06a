// What a Node user writes: a customer, a payment, a decline, 3-D Secure, a refund, a list, a signed webhook.
// Each answer is printed as one line of JSON, which the Python test holds against the contract.
import Stripe from "stripe";

const [host, port, key] = process.argv.slice(2);
const stripe = new Stripe(key, { host, port, protocol: "http", maxNetworkRetries: 0 });
const show = (object) => console.log(JSON.stringify(object));
const expect = (condition, what) => {
  if (!condition) throw new Error(`expected ${what}`);
};

const customer = await stripe.customers.create({ name: "Ada", email: "ada@example.com", metadata: { tier: "gold" } });
show(customer);

const intent = await stripe.paymentIntents.create({
  amount: 2000,
  currency: "usd",
  customer: customer.id,
  payment_method: "pm_card_visa",
  confirm: true,
  setup_future_usage: "off_session",
  expand: ["latest_charge.balance_transaction"],
});
show(intent);
expect(intent.status === "succeeded", "a payment");
expect(intent.latest_charge.balance_transaction.net === 1912, "a fee");

try {
  await stripe.paymentIntents.create({
    amount: 2000,
    currency: "usd",
    payment_method: "pm_card_chargeDeclinedInsufficientFunds",
    confirm: true,
  });
  throw new Error("expected a decline");
} catch (error) {
  expect(error instanceof Stripe.errors.StripeCardError, `a card error, not ${error}`);
  expect(error.decline_code === "insufficient_funds", "the decline code");
  expect(error.payment_intent.status === "requires_payment_method", "the intent inside the error");
}

try {
  await stripe.customers.retrieve("cus_nobody");
  throw new Error("expected no customer");
} catch (error) {
  expect(error instanceof Stripe.errors.StripeInvalidRequestError, `an invalid request, not ${error}`);
  expect(error.statusCode === 404 && error.code === "resource_missing", "a 404");
}

const challenged = await stripe.paymentIntents.create({
  amount: 2000,
  currency: "usd",
  payment_method: "pm_card_authenticationRequired",
  confirm: true,
});
show(challenged);
expect(challenged.status === "requires_action", "a challenge");

const refund = await stripe.refunds.create({ payment_intent: intent.id, amount: 500 });
show(refund);

const again = { idempotencyKey: "once" };
const first = await stripe.customers.create({ name: "Once" }, again);
const second = await stripe.customers.create({ name: "Once" }, again);
expect(first.id === second.id, "one customer for one key");

const names = [];
for await (const found of stripe.customers.list({ limit: 1 })) names.push(found.name);
expect(names.join() === "Once,Ada", `both customers, newest first, not ${names}`);

const methods = await stripe.customers.listPaymentMethods(customer.id);
show(methods);
expect(methods.data.length === 1, "the method that was kept");
show(await stripe.customers.del(customer.id));
show(await stripe.balance.retrieve());
show(await stripe.events.list({ limit: 20 }));

const payload = JSON.stringify({ id: "evt_1", object: "event", type: "charge.succeeded" });
const header = stripe.webhooks.generateTestHeaderString({ payload, secret: "whsec_test" });
expect(stripe.webhooks.constructEvent(payload, header, "whsec_test").type === "charge.succeeded", "a signed event");
console.error("done");
