//! Macros that declare a table or a choice once: its Rust type and its [`crate::plan::schema::key::Key`]s.

/// Declares a table of a plan: a struct, and a [`Key`](crate::plan::schema::key::Key) per field.
///
/// ```text
/// table! {
///     /// Rotation.
///     pub struct Rotation decides Train {
///         /// Maximum angle in 2D.
///         max_degrees_2d: f64 { default: "180.0", range: AT_LEAST_0, unit: "degrees", source: FIRST_COMMIT },
///     }
/// }
/// ```
///
/// The properties in braces are the methods of `Key`; `as (…)` after the type is a serde attribute. `decides` names the stage that
/// the keys of the table decide on, if they name none themselves.
macro_rules! table {
    (
        $(#[doc = $about:literal])+
        pub struct $name:ident decides $stage:ident {
            $(
                $(#[doc = $doc:literal])+
                $key:ident: $type:ty $(as $serde:tt)? { $($property:ident: $value:expr),* $(,)? },
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $(
                $(#[doc = $doc])+
                $(#[serde $serde])?
                pub $key: $type,
            )+
        }

        impl $crate::plan::schema::key_type::Table for $name {
            const KEYS: &'static [$crate::plan::schema::key::Key] = &[
                $(
                    $crate::plan::schema::key::Key::new(
                        stringify!($key),
                        concat!($($doc),+),
                        <$type as $crate::plan::schema::key_type::KeyType>::KIND,
                        $crate::plan::schema::stage::Stage::$stage,
                    )
                    $(.$property($value))*,
                )+
            ];
        }
    };
}

/// Declares a choice of a plan: an enum without data, written as a string.
macro_rules! choices {
    (
        $(#[doc = $about:literal])+
        pub enum $name:ident {
            $( $(#[doc = $doc:literal])+ $variant:ident = $text:literal, )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $( $(#[doc = $doc])+ #[serde(rename = $text)] $variant, )+
        }

        impl $name {
            /// All of them, in their order.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            pub(crate) const CHOICES: &'static [$crate::plan::schema::key::Choice] =
                &[$($crate::plan::schema::key::Choice { name: $text, doc: concat!($($doc),+) }),+];

            /// The string that a plan has for it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $text, )+
                }
            }
        }

        impl $crate::plan::schema::key_type::KeyType for $name {
            const KIND: $crate::plan::schema::key::Kind = $crate::plan::schema::key::Kind::Choice(Self::CHOICES);
        }
    };
}

/// Declares a choice of a plan with data: an enum that is written as a table whose key `kind` names the variant.
macro_rules! variants {
    (
        $(#[doc = $about:literal])+
        pub enum $name:ident {
            $( $(#[doc = $doc:literal])+ $variant:ident $(($data:ty))? = $text:literal, )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "kind")]
        pub enum $name {
            $( $(#[doc = $doc])+ #[serde(rename = $text)] $variant $(($data))?, )+
        }

        impl $crate::plan::schema::key_type::KeyType for $name {
            const KIND: $crate::plan::schema::key::Kind = $crate::plan::schema::key::Kind::Variants(&[
                $(
                    $crate::plan::schema::key::Variant {
                        choice: $crate::plan::schema::key::Choice { name: $text, doc: concat!($($doc),+) },
                        keys: variants!(@keys $($data)?),
                    },
                )+
            ]);
        }
    };
    (@keys) => { &[] };
    (@keys $data:ty) => { <$data as $crate::plan::schema::key_type::Table>::KEYS };
}

pub(super) use {choices, table, variants};
